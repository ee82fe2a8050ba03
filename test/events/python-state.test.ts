import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { ClusterFold } from '../../src/events/cluster-state.js'
import type { ReceivedEvent } from '../../src/events/received-event.js'
import { receivedMembers } from '../../src/protocol/received-members.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'
import { celeryMissing, PYTHON } from '../support/python/python.js'

/** Reads events, one a line, and prints what Celery's own state has made of them. */
const STATE = `
import json, sys
from celery.events.state import State
state = State()
for line in sys.stdin:
    state.event(json.loads(line))
names = ('state', 'name', 'args', 'kwargs', 'retries', 'eta', 'result', 'exception', 'root_id', 'client', 'timestamp')
print(json.dumps({uuid: [getattr(task, name) for name in names] + [task.worker and task.worker.hostname]
                  for uuid, task in state.tasks.items()}))
`

const TYPES = ['sent', 'received', 'started', 'succeeded', 'failed', 'retried', 'revoked', 'rejected', 'progress']
const EPOCH = 1_795_171_575_000

const missing = celeryMissing()

test('whatever order events come in, the fold makes of them what Celery does', { skip: missing ?? false }, () => {
  const random = new SimRandom('python-state')
  const events = Array.from({ length: 3000 }, (_, n) => eventAt(n, random))
  const input = events.map(event => `${JSON.stringify(receivedMembers(event, event.receivedAt))}\n`).join('')
  const { stdout, stderr } = spawnSync(PYTHON, ['-c', STATE], { input, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  assert.ok(stdout !== '', stderr)
  const theirs = JSON.parse(stdout) as Readonly<Record<string, readonly unknown[]>>
  const fold = new ClusterFold()
  fold.apply(events)
  const ours = Object.fromEntries(
    fold.state.tasks.map(({ uuid, state, name, args, kwargs, retries, eta, result, exception, ...task }) => {
      const told = [state, name, args, kwargs, retries, eta, result, exception, task.rootId, task.client]
      return [uuid, [...told, task.timestamp / 1000, task.worker].map(value => value ?? null)]
    }),
  )
  assert.deepEqual(ours, theirs)
  assert.equal(Object.keys(theirs).length, 600)
})

/** Five events a task, of any types, in any order. */
function eventAt(n: number, random: SimRandom): ReceivedEvent {
  const type = TYPES[Math.floor(random.next() * TYPES.length)] as string
  const uuid = `u${n % 600}`
  const text = (what: string): string => `${what} ${n}`
  const told = {
    ...(['sent', 'received'].includes(type)
      ? { name: text('name'), args: text('args'), kwargs: '{}', retries: n % 3, rootId: uuid, parentId: undefined }
      : {}),
    ...(['sent', 'received'].includes(type) ? { eta: n % 2 === 0 ? text('eta') : undefined, expires: undefined } : {}),
    ...(type === 'succeeded' ? { result: text('result'), runtime: 1 } : {}),
    ...(['failed', 'retried'].includes(type) ? { exception: text('exception'), traceback: '' } : {}),
  }
  return {
    type: `task-${type}`,
    hostname: type === 'sent' ? 'gen1@c' : `w${n % 7}@h`,
    pid: 7,
    clock: n + 1,
    timestamp: EPOCH + n * 10,
    utcoffset: 0,
    receivedAt: EPOCH + n * 10 + 1,
    seenAt: n * 10,
    fields: { uuid, ...told },
  }
}
