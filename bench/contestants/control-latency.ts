import { setTimeout as pause } from 'node:timers/promises'
import type { SettingsInput } from '../../src/app/settings.js'
import { Child } from '../child.js'
import { noopApp, publish } from '../noop-app.js'
import type { Place } from '../places.js'
import type { Contestant } from '../row.js'
import { GAP, quantiles, SENDS } from './sends.js'

/** Enough to keep a worker at its full rate while it is asked. */
const FULL = 40_000
/** Calls between two looks at whether there is still work. */
const LOOK_EVERY = 20

/** A worker in another process is pinged: at its full rate, or idle. */
export function controlLatency(place: Place, load: 'full rate' | 'idle'): Contestant {
  return {
    name: `lovage, ${place.name}, ${load}`,
    run: async () => {
      await place.empty()
      const settings: SettingsInput = { ...place.settings, taskIgnoreResult: true }
      const bench = noopApp(settings)
      await using app = bench.app
      if (load === 'full rate') await publish(bench, FULL)
      await using _worker = await Child.start('lovage-worker', settings)
      const ask = app.inspect({ limit: 1, timeout: 30 })
      await ask.ping()
      await using connection = await (await app.broker()).connect({ name: 'bench' })
      const { name } = app.queues.resolve(app.settings.taskDefaultQueue)
      const times: number[] = []
      while (times.length < SENDS) {
        await pause(GAP)
        const started = performance.now()
        const replies = await ask.ping()
        if (Object.keys(replies).length === 0) throw new Error('the worker did not answer within 30 s')
        times.push(performance.now() - started)
        if (load === 'full rate' && times.length % LOOK_EVERY === 0 && (await connection.stats(name)).ready === 0) break
      }
      return quantiles(times)
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}
