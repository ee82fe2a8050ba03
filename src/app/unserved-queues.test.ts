import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueStats } from '../brokers/broker.js'
import type { QueueName } from '../protocol/ids.js'
import { knownQueues } from './known-queues.js'
import { Queues } from './queues.js'
import { resolveSettings, type SettingsInput } from './settings.js'
import { UnservedQueues } from './unserved-queues.js'

function stats(queue: string, ready: number, consumers: number | undefined): QueueStats {
  return { queue: queue as QueueName, ready, held: 0, delayed: 0, consumers }
}

test('H41 a queue that holds messages and has no consumer is unserved, for as long as it has been seen so', () => {
  const queues = new UnservedQueues()
  const row = [stats('a', 3, 0), stats('b', 3, 1), stats('c', 0, 0), stats('d', 3, undefined)]
  assert.deepEqual(queues.look(row, 1000), [{ queue: 'a', depth: 3, age: 0 }])
  assert.deepEqual(queues.look([stats('a', 5, 0)], 6000), [{ queue: 'a', depth: 5, age: 5000 }])
  assert.deepEqual(queues.look([stats('a', 5, 1)], 7000), [])
  assert.deepEqual(queues.look([stats('a', 5, 0)], 9000), [{ queue: 'a', depth: 5, age: 0 }], 'begins anew')
})

const KNOWN: readonly (readonly [settings: SettingsInput, names: readonly string[]])[] = [
  [{}, ['celery']],
  [{ taskDefaultQueue: 'main', taskQueues: ['mail', 'pics'] }, ['mail', 'pics', 'main']],
  [{ taskRoutes: { 'a.*': 'slow', b: { queue: 'fast' }, c: { exchange: 'x' } } }, ['celery', 'slow', 'fast']],
  [
    {
      taskRoutes: [
        () => 'nobody knows',
        { a: 'one' },
        [
          ['b.*', 'two'],
          [/c/, { queue: 'three' }],
        ],
      ],
    },
    ['celery', 'one', 'two', 'three'],
  ],
]

for (const [given, names] of KNOWN) {
  test(`an app is known to send to ${names.join(', ')}`, () => {
    const { settings } = resolveSettings({ code: given })
    assert.deepEqual(knownQueues(settings, new Queues(settings)), names)
  })
}
