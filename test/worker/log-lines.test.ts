import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { Ignore, Reject } from '../../src/app/errors.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import type { Log } from '../../src/lib/runtime.js'
import type { TaskId, TaskName } from '../../src/protocol/ids.js'
import type { TaskRequest } from '../../src/protocol/request.js'
import { HandClock } from '../../src/testing/hand-clock.js'
import type { TaskEvent } from '../../src/worker/effect.js'
import { logTaskEvent } from '../../src/worker/log-lines.js'
import { RejectionLines } from '../../src/worker/rejection-lines.js'
import { requestOf } from '../support/requests.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

const boom = { type: 'ValueError', args: ['boom', 2], module: 'builtins' }

/** Event, level, line: wording of Celery's trace and strategy where Celery has the line. */
const LINES: readonly (readonly [TaskEvent, string, string])[] = [
  [{ type: 'task-received', eta: undefined }, 'info', 'Task demo.add[t-1] received'],
  [
    { type: 'task-received', eta: Date.UTC(2026, 10, 20, 8, 51, 9, 816) },
    'info',
    'Task demo.add[t-1] received  ETA:[2026-11-20T08:51:09.816000+00:00]',
  ],
  [{ type: 'task-started', pid: 42 }, 'debug', 'Task demo.add[t-1] accepted by 42'],
  [
    { type: 'task-succeeded', result: { a: [1, null, true, 'ü'] }, runtime: 12.5 },
    'info',
    "Task demo.add[t-1] succeeded in 0.0125s: {'a': [1, None, True, 'ü']}",
  ],
  [
    { type: 'task-failed', error: boom, traceback: 'Traceback:\n  here' },
    'error',
    "Task demo.add[t-1] raised unexpected: ValueError('boom', 2)\nTraceback:\n  here",
  ],
  [
    { type: 'task-failed', error: boom, traceback: undefined },
    'error',
    "Task demo.add[t-1] raised unexpected: ValueError('boom', 2)",
  ],
  [
    { type: 'task-retried', error: boom, traceback: undefined, delay: 180_000 },
    'info',
    "Task demo.add[t-1] retry: Retry in 180s: ValueError('boom', 2)",
  ],
  [
    { type: 'task-retried', error: undefined, traceback: undefined, delay: 1500 },
    'info',
    'Task demo.add[t-1] retry: Retry in 1.5s',
  ],
  [{ type: 'task-rejected', requeue: true }, 'info', 'Task demo.add[t-1] rejected, back to its queue'],
  [{ type: 'task-rejected', requeue: false }, 'info', 'Task demo.add[t-1] rejected'],
  [{ type: 'task-ignored' }, 'info', 'Task demo.add[t-1] ignored'],
  [
    { type: 'task-revoked', terminated: false, expired: false, signal: undefined },
    'info',
    'Discarding revoked task: demo.add[t-1]',
  ],
  [
    { type: 'task-revoked', terminated: false, expired: true, signal: undefined },
    'info',
    'Discarding expired task: demo.add[t-1]',
  ],
  [
    { type: 'task-revoked', terminated: true, expired: false, signal: 'SIGTERM' },
    'info',
    'Terminated task: demo.add[t-1]',
  ],
  [
    { type: 'task-dead-lettered', reason: 'poison', detail: 'why' },
    'warning',
    'Task demo.add[t-1] is a dead letter (poison): why',
  ],
  [
    { type: 'task-returned', why: 'lease-lost' },
    'warning',
    'Task demo.add[t-1] was left to another delivery: lease-lost',
  ],
]

function tell(log: Log, request: TaskRequest, event: TaskEvent): void {
  const rejections = new RejectionLines({ clock: new HandClock(), log })
  logTaskEvent(request, event, { log, rejections, queue: 'celery' })
}

describe('a line for everything that happens to a task', () => {
  for (const [event, level, text] of LINES) {
    test(text.split('\n')[0] ?? text, () => {
      const { log, lines } = memoryLog()
      tell(log, requestOf(), event)
      assert.deepEqual(
        lines.map(line => [line.level, line.message]),
        [[level, text]],
      )
      assert.equal(lines[0]?.fields['taskId'], 't-1')
      assert.equal(lines[0]?.fields['taskName'], 'demo.add')
    })
  }

  test('the shadow name is shown, the real one stays in the fields', () => {
    const { log, lines } = memoryLog()
    tell(log, requestOf({ shadow: 'Nightly' }), { type: 'task-ignored' })
    assert.equal(lines[0]?.message, 'Task Nightly[t-1] ignored')
    assert.equal(lines[0]?.fields['taskName'], 'demo.add')
  })

  test('a long result is cut, as Celery cuts it', () => {
    const { log, lines } = memoryLog()
    tell(log, requestOf(), { type: 'task-succeeded', result: 'x'.repeat(1000), runtime: 1000 })
    assert.match(lines[0]?.message ?? '', /succeeded in 1s: 'x{20,60}\.\.\./)
    assert.ok((lines[0]?.message.length ?? 0) < 120)
    assert.equal(lines[0]?.fields['runtime'], 1)
  })

  test('below the level nothing is built', () => {
    const { log, lines } = memoryLog('warning')
    const untouchable = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('looked at')
        },
        get: () => {
          throw new Error('looked at')
        },
      },
    )
    tell(log, requestOf(), { type: 'task-succeeded', result: untouchable, runtime: 1 })
    tell(log, requestOf({ id: 'x' as TaskId, task: 'y' as TaskName }), {
      type: 'task-received',
      eta: undefined,
    })
    assert.equal(lines.length, 0)
  })
})

test('the life of tasks in the log of a worker', async () => {
  const define = (app: App): void => {
    app.task('add', (a: number, b: number) => a + b)
    app.task('talk', () => currentTask().log.info('half way', { step: 1 }))
    app.task('ignore', () => {
      throw new Ignore()
    })
    app.task('reject', () => {
      throw new Reject('no')
    })
  }
  await using rig = new Rig(runtime => new MemoryPlace(runtime), define)
  await rig.worker()
  const app = rig.app()
  for (const [task, args] of [
    ['add', [1, 2]],
    ['talk', []],
    ['ignore', []],
  ] as const) {
    await rig.wait(app.sendTask(task, args, { taskId: `${task}-1` }))
    await rig.pass(100)
  }
  const shown = rig.runtime.lines.filter(line => line.level !== 'debug').map(line => line.message)
  assert.deepEqual(shown, [
    'w@rig ready.',
    'Task add[add-1] received',
    'Task add[add-1] succeeded in 0s: 3',
    'Task talk[talk-1] received',
    'half way',
    'Task talk[talk-1] succeeded in 0s: None',
    'Task ignore[ignore-1] received',
    'Task ignore[ignore-1] ignored',
  ])
  const own = rig.runtime.lines.find(line => line.message === 'half way')
  assert.deepEqual(own?.fields, { task_id: 'talk-1', task_name: 'talk', step: 1 })
})
