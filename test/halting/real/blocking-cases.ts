import assert from 'node:assert/strict'
import { standStill } from '../../../src/lib/stand-still.js'
import { type HaltingPlace, isAmqp, type RegisterCase } from './halting-place.js'
import { Rig } from './rig.js'

/* H47: user code that keeps the event loop from turning. */

/** Of each of two slots: longer than three heartbeats of a second, or a lease of two. */
const BLOCKED_MS = 3500

export function blockingCases(place: HaltingPlace, test: RegisterCase): void {
  const { name, needed } = place
  const soon = isAmqp(place) ? { brokerHeartbeat: 1 } : { leaseTime: 2, leaseRenewInterval: 0.4 }

  test(
    `H47 D24 ${name}: user code that blocks the event loop for three heartbeats, or longer than a lease, in every slot runs once, on one connection`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h47', soon)
      const { worker, log } = await rig.worker({
        concurrency: 2,
        // A proxy would stand still with the loop.
        direct: true,
        settings: { workerPrefetchMultiplier: 2 },
        tasks: (app, node) => {
          app.task(
            'block',
            () => {
              rig.note(node.name, 'start')
              standStill(BLOCKED_MS)
              rig.note(node.name, 'end')
            },
            { acksLate: true },
          )
        },
      })
      // No connection is half open any more.
      await rig.hears(worker)
      const blocking = ['h47-a', 'h47-b']
      await Promise.all(blocking.map(taskId => rig.client.sendTask('block', [], { taskId })))
      // Held behind them meanwhile.
      const held = await rig.send('held', 2)
      await rig.drained([...blocking, ...held])
      rig.once([...blocking, ...held])
      await rig.drained(await rig.send('after', 4))
      await rig.hasOneConsumer()
      assert.deepEqual(
        log.filter(line => /Connection .* lost|Reconnecting/.test(line.message)).map(line => line.message),
        [],
      )
    },
  )
}
