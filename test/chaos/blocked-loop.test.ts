import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SettingsInput } from '../../src/app/settings.js'
import { BLOCKING_TASK } from '../../src/testing/chaos/chaos-app.js'
import { ChaosCluster } from '../../src/testing/chaos/chaos-cluster.js'
import type { ChaosProcess } from '../../src/testing/chaos/chaos-process.js'
import { until } from '../../src/testing/chaos/waiting.js'
import { clusterOn, needs, openPlace, type PlaceName } from './places.js'

/*
 * H47: user code keeps the only event loop for several leases and heartbeats. Everyday these are shortened;
 * LOVAGE_LONG=1 blocks for 120 s under the defaults.
 */

const LONG = process.env['LOVAGE_LONG'] === '1'
const BLOCK_MS = LONG ? 120_000 : 15_000
const SHORT: SettingsInput = { leaseTime: 5, leaseRenewInterval: 1, brokerHeartbeat: 4, workerLoopLagLimit: 1 }

const BROKERS: readonly PlaceName[] = ['sqlite', 'redis', 'postgres', 'rabbitmq']

describe('a task that blocks its event loop', { concurrency: 2 }, () => {
  for (const name of BROKERS) {
    test(`F07 H47 ${name}: stays its worker’s, runs once beside an idle neighbour, and is named in the log while it blocks and afterwards`, {
      ...needs(name),
      timeout: BLOCK_MS + 240_000,
    }, async t => {
      await using place = await openPlace(name)
      const settings = {
        workerPrefetchMultiplier: 1,
        durability: 'os',
        publishTimeout: 60,
        ...(LONG ? {} : SHORT),
      } as const
      await using cluster = new ChaosCluster(clusterOn(place, { concurrency: 1, settings }))
      const workers = [cluster.startWorker('command'), cluster.startWorker('command')]
      await Promise.all(workers.map(worker => worker.ready))
      const sent = await cluster.app.sendTask<string>(BLOCKING_TASK, [BLOCK_MS], { taskId: 'blocking' })
      const pid = Number((await sent.get({ timeout: BLOCK_MS / 1000 + 120 })).split(' ')[2])
      const [blocked, idle] = pid === workers[0]?.child.pid ? workers : workers.toReversed()
      await until('the ack', () => wrote(blocked, 'acked') === 1)
      assert.deepEqual(
        [wrote(blocked, 'start'), wrote(idle, 'start'), wrote(blocked, 'stale')],
        [1, 0, 0],
        `${blocked?.log()}\n${idle?.log()}`,
      )
      await until('the line afterwards', () => /The event loop stood still for/.test(blocked?.log() ?? ''))
      const log = blocked?.log() ?? ''
      assert.match(log, /has stood still for \d+ s; entered last or running: chaos\.blocking\[blocking\]/)
      assert.match(log, /The event loop stood still for \d+\.\d s; running meanwhile: chaos\.blocking\[blocking\]/)
      t.diagnostic(
        log
          .split('\n')
          .filter(line => /stood still/.test(line))
          .join('\n'),
      )
      assert.equal(await cluster.empty(), true)
    })
  }
})

function wrote(worker: ChaosProcess | undefined, kind: string): number {
  if (worker?.running) worker.read()
  return worker?.lines.filter(line => line.kind === kind && 'id' in line && line.id === 'blocking').length ?? 0
}
