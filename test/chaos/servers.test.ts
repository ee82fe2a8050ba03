import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { shake } from '../../src/testing/chaos/shake.js'
import { printShakeReport } from '../../src/testing/chaos/shake-report.js'
import { clusterOn, needs, openPlace, SERVERS } from './places.js'

/* Real workers on private servers. A red run names its seed; LOVAGE_SEED puts on the same pressure again. */

const seed = process.env['LOVAGE_SEED'] ?? String(Date.now())

/** A lease shorter than the usual, so that what a dead worker held is back sooner. */
const LEASES = { leaseTime: 8, leaseRenewInterval: 1 }

describe('servers that are shaken', { concurrency: 2 }, () => {
  for (const name of SERVERS) {
    test(
      `F01 F20 F21 F23 F24 F26 F69 ${name}: four kills, three cuts and a restart over six hundred late-acked tasks lose nothing, and every worker consumes again`,
      needs(name),
      async t => {
        await using place = await openPlace(name)
        const { proxy, server, promises } = place
        assert.ok(proxy !== undefined && server !== undefined)
        const report = await shake({
          seed,
          tasks: 600,
          longest: 300,
          faults: { kills: 4, cuts: 3, restarts: 1 },
          cluster: clusterOn(place, { concurrency: 8, settings: { ...LEASES, workerPrefetchMultiplier: 2 } }),
          proxy,
          server,
          promises,
          // Of a machine that runs other tests meanwhile; docs/internals/chaos.md has the figures of one that does not.
          reconnect: 40_000,
        })
        t.diagnostic(printShakeReport(report))
        assert.deepEqual(report.verdict.faults, [], printShakeReport(report))
        assert.equal(report.kills, 4)
        // What a server that goes away leaves in doubt nobody sends again: it may have been accepted, or not.
        assert.ok(report.verdict.accepted > 400, `${report.verdict.accepted} accepted`)
      },
    )
  }
})
