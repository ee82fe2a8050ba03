import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SettingsInput } from '../../src/app/settings.js'
import { fromDeadLetter } from '../../src/protocol/dead-letter.js'
import { queueName } from '../../src/protocol/ids.js'
import { BLOCKING_TASK, PLANNED_TASK, POISON_TASK, QUEUE } from '../../src/testing/chaos/chaos-app.js'
import { ChaosCluster, type ChaosClusterOptions } from '../../src/testing/chaos/chaos-cluster.js'
import type { ChaosProcess } from '../../src/testing/chaos/chaos-process.js'
import { monotonic } from '../../src/testing/chaos/journal.js'
import type { PlannedTask } from '../../src/testing/chaos/plan.js'
import { shake } from '../../src/testing/chaos/shake.js'
import { printShakeReport } from '../../src/testing/chaos/shake-report.js'
import { until } from '../../src/testing/chaos/waiting.js'

/* Real processes on a SQLite file, and what is done to them. Times are the lengths of leases, shortened. */

const seed = process.env['LOVAGE_SEED'] ?? String(Date.now())

describe('real processes', { concurrency: 2 }, () => {
  test('F05 a worker that stood still for three leases writes nothing any more, and works on when it is back', async () => {
    const lease = 1.5
    await using cluster = new ChaosCluster(oneByOne({ leaseTime: lease, leaseRenewInterval: 0.5 }))
    const frozen = cluster.startWorker()
    await frozen.ready
    const first = await send(cluster, { id: 'first', kind: 'work', ms: 300 })
    await until('the task to start', () => wrote(frozen, 'start', 'first') === 1)
    frozen.child.kill('SIGSTOP')
    const stoppedAt = monotonic()
    const other = cluster.startWorker()
    const value = await first.get({ timeout: 30 })
    assert.equal(pidOf(value), other.child.pid)
    await until('three leases to pass', () => monotonic() > stoppedAt + 3 * lease * 1000)
    frozen.child.kill('SIGCONT')
    await until('the late end', () => wrote(frozen, 'end', 'first') === 1)
    other.dismiss()
    await other.ended
    const second = await send(cluster, { id: 'second', kind: 'work', ms: 1 })
    assert.equal(pidOf(await second.get({ timeout: 30 })), frozen.child.pid)
    assert.equal(await cluster.app.result('first').get({ timeout: 1 }), value)
    assert.equal(wrote(frozen, 'acked', 'first'), 0)
    assert.equal(wrote(other, 'acked', 'first'), 1)
    assert.equal(await cluster.empty(), true)
  })

  test('F07 H47 D24 a task that blocks its event loop for ten leases stays its worker’s', async () => {
    const lease = 1
    await using cluster = new ChaosCluster(oneByOne({ leaseTime: lease, leaseRenewInterval: 0.25 }))
    const workers = [cluster.startWorker(), cluster.startWorker()]
    await Promise.all(workers.map(worker => worker.ready))
    const sent = await cluster.app.sendTask<string>(BLOCKING_TASK, [10 * lease * 1000], { taskId: 'blocking' })
    const pid = pidOf(await sent.get({ timeout: 60 }))
    const [blocked, idle] = pid === workers[0]?.child.pid ? workers : workers.toReversed()
    await until('the ack', () => wrote(blocked, 'acked', 'blocking') === 1)
    assert.equal(wrote(blocked, 'start', 'blocking'), 1)
    assert.equal(wrote(idle, 'start', 'blocking'), 0)
    assert.equal(wrote(blocked, 'stale', 'blocking'), 0)
  })

  test('F60 D60 a task that kills its worker three times is dead-lettered as poison, and its neighbours run once each', async () => {
    await using cluster = new ChaosCluster(oneByOne())
    const before = await Promise.all(['a', 'b', 'c'].map(id => send(cluster, { id, kind: 'work', ms: 5 })))
    const poison = await cluster.app.sendTask(POISON_TASK, [], { taskId: 'poison' })
    const after = await Promise.all(['d', 'e', 'f'].map(id => send(cluster, { id, kind: 'work', ms: 5 })))
    for (let deaths = 0; deaths < 3; deaths++) {
      const worker = cluster.startWorker()
      await until('the worker to die', () => !worker.running)
      assert.equal(worker.child.signalCode, 'SIGKILL', worker.log())
      worker.killedAt = worker.endedAt
    }
    cluster.startWorker()
    await assert.rejects(poison.get({ timeout: 30 }), { name: 'PoisonTaskError' })
    for (const { id } of [...before, ...after]) {
      await cluster.app.result(id).get({ timeout: 30 })
      assert.equal(total(cluster, 'start', id), 1, `${id} ran more than once`)
    }
    assert.equal(total(cluster, 'start', 'poison'), 3)
    await cluster.stopWorkers()
    const broker = await cluster.app.broker()
    const connection = await broker.connect({ name: 'undertaker' })
    const [dead, ...more] = await connection.get(queueName(`${QUEUE}.dead`), 10)
    assert.deepEqual(more, [])
    const letter = dead === undefined ? undefined : fromDeadLetter(dead.message)
    assert.equal(letter?.record.reason, 'poison')
    assert.equal(letter?.record.deliveries, 3)
    assert.equal(letter?.message.headers['id'], 'poison')
  })

  test('I03 early-acked tasks under kills run at most once, and those that had not started run elsewhere', async t => {
    const report = await shake({ seed, faults: { kills: 10 }, tasks: 2000, workers: 2, acks: 'early', longest: 400 })
    t.diagnostic(printShakeReport(report))
    assert.deepEqual(report.verdict.faults, [], printShakeReport(report))
    assert.equal(report.verdict.extra, 0)
  })

  for (const acks of ['late', 'early'] as const) {
    test(`F08 TERM, and KILL up to three seconds later, loses no ${acks}-acked task that had not started`, async t => {
      const report = await shake({
        seed,
        faults: { kills: 6 },
        tasks: 300,
        workers: 2,
        acks,
        longest: 5000,
        killing: 'after-term',
        program: 'command',
        cluster: { concurrency: 4 },
      })
      t.diagnostic(printShakeReport(report))
      assert.deepEqual(report.verdict.faults, [], printShakeReport(report))
    })
  }
})

/** A worker that holds nothing but what it runs: its neighbours are not in its hands when it dies. */
function oneByOne(settings: SettingsInput = {}): ChaosClusterOptions {
  return { concurrency: 1, settings: { workerPrefetchMultiplier: 1, durability: 'os', ...settings } }
}

function send(cluster: ChaosCluster, planned: PlannedTask) {
  return cluster.app.sendTask<string>(PLANNED_TASK, [planned], { taskId: planned.id })
}

/** Whose execution returned the value: `<id> <retries> <pid> <claim>`. */
function pidOf(value: string): number {
  return Number(value.split(' ')[2])
}

function wrote(worker: ChaosProcess | undefined, kind: string, id: string): number {
  if (worker?.running) worker.read()
  return worker?.lines.filter(line => line.kind === kind && 'id' in line && line.id === id).length ?? 0
}

function total(cluster: ChaosCluster, kind: string, id: string): number {
  return cluster.workers.reduce((sum, worker) => sum + wrote(worker, kind, id), 0)
}
