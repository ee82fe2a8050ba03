import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '../../src/testing/chaos/waiting.js'
import { needs, openPlace, type Place } from '../chaos/places.js'
import type { HaltingPlace } from './real/halting-place.js'
import { PATIENCE, Rig } from './real/rig.js'

/* H22: what waits for its eta in the memory of a worker is not gone with the broker, the worker, or both. */

const BROKERS = ['redis', 'postgres', 'rabbitmq', 'rabbitmq-quorum'] as const

const COUNTDOWN = 6
const TASKS = 100

function halting(name: HaltingPlace['name'], place: Place): HaltingPlace {
  return {
    name,
    needed: {},
    url: () => String(place.brokerUrl),
    settings: { leaseTime: 6, leaseRenewInterval: 1, brokerHeartbeat: 2, ...place.settings },
    deleteQueue: async () => undefined,
  }
}

describe('servers that are restarted', { concurrency: 2 }, () => {
  for (const name of BROKERS) {
    test(
      `H22 F21 ${name}: delayed tasks outlive a crash of the broker, and of the worker that held them, and none is early`,
      needs(name),
      async () => {
        await using place = await openPlace(name)
        const { server } = place
        assert.ok(server !== undefined)
        await using rig = await Rig.open(halting(name, place), 'h22')
        for (const dies of ['broker', 'worker', 'both'] as const) {
          const first = await rig.worker()
          // By the first of them the worker is known to take what comes.
          await rig.drained(await rig.send(`${dies}-before`, 4))
          const sent = performance.now()
          const ids = await rig.send(`${dies}-eta`, TASKS, 1, { countdown: COUNTDOWN })
          await until('all to be held somewhere', async () => (await rig.stats()).ready === 0, PATIENCE)
          if (dies !== 'broker') {
            first.proxy.blackhole()
            void first.worker.stop('hard')
          }
          if (dies !== 'worker') {
            await server.stop('crash')
            await server.start()
          }
          if (dies !== 'broker') await rig.worker()
          await rig.ended(ids)
          rig.once(ids)
          const begun = Math.min(...rig.journal.filter(({ id }) => ids.includes(id)).map(({ at }) => at))
          assert.ok(begun - sent > COUNTDOWN * 1000 - 50, `one ran ${Math.round(begun - sent)} ms after it was sent`)
        }
      },
    )
  }
})
