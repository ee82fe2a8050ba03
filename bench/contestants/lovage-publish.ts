import { noopApp, publish } from '../noop-app.js'
import type { Place } from '../places.js'
import type { Contestant } from '../row.js'
import { type Publishing, publishing } from './publishing.js'

export async function lovagePublish(place: Place, how: Publishing): Promise<Contestant> {
  await place.empty()
  const bench = noopApp({ ...place.settings, taskIgnoreResult: true })
  const { tasks, way } = how
  const one = async (): Promise<void> => {
    for (let i = 0; i < tasks; i++) await bench.noop.delay(1, i)
  }
  return {
    name: `lovage, ${place.name}`,
    run: () => publishing(how, () => (way === 'one' ? one() : publish(bench, tasks))),
    async [Symbol.asyncDispose]() {
      await bench.app[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}
