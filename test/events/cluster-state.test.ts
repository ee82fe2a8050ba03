import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ClusterFold, EMPTY_CLUSTER, foldEvents } from '../../src/events/cluster-state.js'
import type { ReceivedEvent } from '../../src/events/received-event.js'
import { SkewWatch } from '../../src/events/skew-watch.js'
import { isAlive } from '../../src/events/worker-state.js'

const EPOCH = 1_795_171_575_000

interface Told {
  readonly at?: number
  readonly hostname?: string
  readonly pid?: number | undefined
  readonly clock?: number
  readonly skew?: number
  readonly [field: string]: unknown
}

function event(type: string, told: Told = {}): ReceivedEvent {
  const { at = 0, hostname = 'w@h', pid = 7, clock = 1, skew = 0, ...fields } = told
  const received = { receivedAt: EPOCH + at, seenAt: at }
  return { type, hostname, pid, clock, timestamp: EPOCH + at + skew, utcoffset: 0, fields, ...received }
}

const task = (type: string, told: Told = {}): ReceivedEvent => event(type, { uuid: 'u', ...told })

function folded(...events: readonly ReceivedEvent[]): ClusterFold {
  const fold = new ClusterFold()
  fold.apply(events)
  return fold
}

describe('the cluster as events tell it', () => {
  test('a task goes through its states, and keeps what each told', () => {
    const fold = folded(
      task('task-sent', { hostname: 'gen1@c', name: 't', args: '(1,)', kwargs: '{}', queue: 'celery', at: 1 }),
      task('task-received', { name: 't', args: '(1,)', kwargs: '{}', retries: 0, at: 2 }),
      task('task-started', { at: 3 }),
      task('task-succeeded', { result: '2', runtime: 12, at: 4 }),
    )
    const { state, name, args, queue, result, runtime, worker, client, sent, received, started, succeeded } =
      fold.task('u') ?? assert.fail()
    assert.deepEqual([state, name, args, queue, result, runtime], ['SUCCESS', 't', '(1,)', 'celery', '2', 12])
    assert.deepEqual([worker, client], ['w@h', 'gen1@c'])
    assert.deepEqual(
      [sent, received, started, succeeded],
      [1, 2, 3, 4].map(ms => EPOCH + ms),
    )
    assert.deepEqual([fold.state.eventCount, fold.state.taskCount], [4, 1])
  })

  const ORDERS: readonly (readonly [string, readonly string[], string])[] = [
    ['a late start does not undo the end', ['task-received', 'task-succeeded', 'task-started'], 'SUCCESS'],
    ['a late receipt does not undo the start', ['task-started', 'task-received'], 'STARTED'],
    ['a late sending does not undo the receipt', ['task-received', 'task-sent'], 'RECEIVED'],
    ['a retry begins anew', ['task-received', 'task-started', 'task-retried', 'task-received'], 'RECEIVED'],
    ['a retry overtakes an end', ['task-succeeded', 'task-retried'], 'RETRY'],
    ['an event of its own is a state of its own', ['task-started', 'task-progress'], 'PROGRESS'],
    ['an end is stronger than that', ['task-succeeded', 'task-progress'], 'SUCCESS'],
    ['a cancelled task shows it', ['task-started', 'task-cancelled'], 'CANCELLED'],
  ]
  for (const [name, types, expected] of ORDERS) {
    test(name, () => assert.equal(folded(...types.map(type => task(type))).task('u')?.state, expected))
  }

  test('of a late receipt only what it alone knows is taken', () => {
    const late = task('task-received', { name: 't', args: '()', retries: 1, result: 'forged', at: 5 })
    const after = folded(task('task-succeeded', { result: '2', at: 4 }), late).task('u')
    assert.deepEqual([after?.name, after?.retries, after?.result, after?.timestamp], ['t', 1, '2', EPOCH + 4])
  })

  test('a worker is known by its heartbeats', () => {
    const beat = {
      freq: 2000,
      active: 1,
      processed: 10,
      loadavg: [1, 2, 3],
      swIdent: 'lovage',
      swVer: '1',
      swSys: 'Linux',
    }
    const fold = folded(
      event('worker-online', beat),
      event('worker-heartbeat', { ...beat, active: 3, clock: 9, at: 2000 }),
    )
    const worker = fold.worker('w@h') ?? assert.fail()
    assert.deepEqual([worker.pid, worker.active, worker.processed, worker.clock], [7, 3, 10, 9])
    assert.deepEqual([worker.loadavg, worker.swIdent, worker.freq], [[1, 2, 3], 'lovage', 2000])
    assert.deepEqual([isAlive(worker, 5999), isAlive(worker, 6000)], [true, false])
  })

  test('whatever it says of a task is a sign of life, too', () => {
    const fold = folded(event('worker-online', { freq: 2000 }), task('task-started', { at: 3500 }))
    assert.equal(fold.aliveWorkers(7000).length, 1)
    assert.equal(folded(task('task-started')).worker('w@h')?.pid, undefined)
  })

  test('H77 a worker that went, or was thought to have gone, is back with its next heartbeat', () => {
    const fold = folded(event('worker-online', { freq: 2000 }), event('worker-offline', { at: 10 }))
    assert.equal(fold.aliveWorkers(20).length, 0)
    fold.apply([event('worker-heartbeat', { freq: 2000, at: 60_000 })])
    assert.deepEqual(
      fold.aliveWorkers(60_001).map(({ hostname }) => hostname),
      ['w@h'],
    )
    assert.equal(fold.state.workers.length, 1)
  })

  test('S77 another process under the same name overwrites nothing of the first', () => {
    const own = { freq: 2000, swIdent: 'lovage', processed: 10 }
    const fold = folded(event('worker-online', own))
    const before = fold.state.workers[0]
    fold.apply([event('worker-online', { pid: 666, freq: 9999, swIdent: 'forged', processed: 0, at: 1 })])
    assert.deepEqual(
      fold.state.workers.find(({ pid }) => pid === 7),
      before,
    )
    assert.deepEqual(
      fold
        .aliveWorkers(2)
        .map(({ pid }) => pid)
        .sort(),
      [666, 7],
    )
  })

  test('S77 a forged good-bye does not hide a worker that goes on sending heartbeats', () => {
    const fold = folded(event('worker-online', { freq: 2000 }))
    fold.apply([event('worker-offline', { pid: 666, at: 1 }), event('worker-offline', { at: 2 })])
    assert.equal(fold.state.workers.length, 1)
    fold.apply([event('worker-heartbeat', { freq: 2000, at: 2000 })])
    assert.equal(fold.aliveWorkers(2001).length, 1)
  })

  test('a worker that was killed and started again is one worker when its ghost has vanished', () => {
    const fold = folded(
      event('worker-online', { freq: 2000 }),
      event('worker-online', { pid: 8, freq: 2000, at: 1000 }),
    )
    fold.apply([event('worker-heartbeat', { pid: 8, freq: 2000, at: 4500 })])
    assert.deepEqual(
      fold.aliveWorkers(4600).map(({ pid }) => pid),
      [8],
    )
    assert.equal(fold.worker('w@h')?.pid, 8)
  })

  test('L15 the 10,000 tasks and 5000 workers heard of last are kept', () => {
    const fold = new ClusterFold()
    for (let n = 0; n < 10_005; n++) fold.apply([task('task-received', { uuid: `u${n}`, hostname: `w${n}@h` })])
    const { tasks, workers } = fold.state
    assert.deepEqual([tasks.length, workers.length], [10_000, 5000])
    assert.deepEqual([tasks[0]?.uuid, tasks.at(-1)?.uuid], ['u10004', 'u5'])
    assert.equal(fold.task('u0'), undefined)
  })

  test('L15 what texts weigh counts as well, and each is cut', () => {
    const fold = new ClusterFold({ maxText: 1_000_000 })
    for (let n = 0; n < 100; n++) {
      fold.apply([
        task('task-failed', { uuid: `u${n}`, exception: 'e'.repeat(100_000), traceback: 't'.repeat(900_000) }),
      ])
    }
    const { tasks } = fold.state
    assert.ok(tasks.length < 20, String(tasks.length))
    assert.ok((tasks[0]?.traceback?.length ?? 0) <= 64 * 1024)
  })

  test('a state never changes: what follows is another one', () => {
    const before = foldEvents(EMPTY_CLUSTER, [task('task-received'), event('worker-online')])
    const copy = structuredClone(before)
    const after = foldEvents(before, [task('task-succeeded'), event('worker-offline')])
    assert.deepEqual(before, copy)
    assert.deepEqual([after.tasks[0]?.state, after.workers[0]?.offline, after.eventCount], ['SUCCESS', true, 4])
    const fold = folded(task('task-received'))
    const kept = fold.state
    fold.apply([task('task-started')])
    assert.equal(kept.tasks[0]?.state, 'RECEIVED')
  })

  test('events of other groups, and fields of wrong kinds, do no harm', () => {
    const odd = { freq: -1, active: 'many', processed: 1.5, loadavg: ['x'], swIdent: 7 }
    const fold = folded(event('user-login'), event('worker-heartbeat', odd))
    const { freq, active, processed, loadavg, swIdent } = fold.worker('w@h') ?? assert.fail()
    assert.deepEqual([freq, active, processed, loadavg, swIdent], [60_000, undefined, undefined, undefined, undefined])
  })

  test('200,000 events are folded in seconds', () => {
    const fold = new ClusterFold()
    const types = ['task-received', 'task-started', 'task-succeeded', 'task-received']
    const began = performance.now()
    for (let n = 0; n < 200_000; n++) {
      fold.apply([task(types[n % 4] as string, { uuid: `u${(n >> 2) + (n % 3)}`, name: 't', args: '()', clock: n })])
    }
    const took = performance.now() - began
    assert.equal(fold.eventCount, 200_000)
    // Far beyond what it takes, far below what a fold with a linear step would: no measurement.
    assert.ok(took < 60_000, `${took} ms`)
  })
})

describe('D97 clocks that differ', () => {
  test('by more than 16 s are said once per node and hour', () => {
    const watch = new SkewWatch()
    const beat = (at: number, skew: number, hostname = 'w@h') => event('worker-heartbeat', { at, skew, hostname })
    assert.equal(watch.notice(beat(0, 16_000)), undefined)
    assert.match(watch.notice(beat(1, -17_000)) ?? '', /The clock of w@h is 17 s behind this host's/)
    assert.equal(watch.notice(beat(2, -17_000)), undefined)
    assert.match(watch.notice(beat(3, 20_000, 'x@h')) ?? '', /x@h is 20 s ahead of/)
    assert.match(watch.notice(beat(7_300_000, -17_000)) ?? '', /w@h/)
    assert.equal(watch.notice(task('task-started', { skew: 99_000 })), undefined)
  })
})
