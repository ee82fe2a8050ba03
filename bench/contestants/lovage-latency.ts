import type { SettingsInput } from '../../src/app/settings.js'
import { Child } from '../child.js'
import { noopApp } from '../noop-app.js'
import type { Place } from '../places.js'
import type { Contestant } from '../row.js'
import { sends } from './sends.js'

/** A worker in another process; `more`: over the place's settings. */
export async function lovageLatency(place: Place, more: SettingsInput = {}): Promise<Contestant> {
  await place.empty()
  const settings = { ...place.settings, ...place.results, ...more }
  const worker = await Child.start('lovage-worker', settings)
  const { app, noop } = noopApp(settings)
  return {
    name: `lovage, ${place.name}`,
    run: () => sends(async () => (await noop.delay(1, 2)).get()),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await worker[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}
