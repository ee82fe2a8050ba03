import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queues } from './queues.js'
import { resolveSettings, type SettingsInput } from './settings.js'

function queues(settings: SettingsInput = {}): Queues {
  return new Queues(resolveSettings({ code: settings }).settings)
}

test('nothing declared: one queue, on an exchange and key of its own name', () => {
  assert.deepEqual(queues().declared, [
    { name: 'celery', exchange: { name: 'celery', type: 'direct' }, routingKey: 'celery' },
  ])
})

test('the default queue follows its settings', () => {
  const settings: SettingsInput = {
    taskDefaultQueue: 'main',
    taskDefaultExchange: 'tasks',
    taskDefaultExchangeType: 'topic',
    taskDefaultRoutingKey: 'task.default',
    taskDefaultQueueType: 'quorum',
    taskQueueMaxPriority: 10,
  }
  assert.deepEqual(queues(settings).declared, [
    {
      name: 'main',
      exchange: { name: 'tasks', type: 'topic' },
      routingKey: 'task.default',
      maxPriority: 10,
      arguments: { 'x-queue-type': 'quorum' },
    },
  ])
})

test('declared queues may be a map or a list, and what they leave out is the default', () => {
  const expected = [
    { name: 'mail', exchange: { name: 'celery', type: 'direct' }, routingKey: 'celery' },
    { name: 'images', exchange: { name: 'media', type: 'topic' }, routingKey: 'image.#', maxPriority: 5 },
  ]
  const images = { exchange: 'media', exchangeType: 'topic', routingKey: 'image.#', maxPriority: 5 } as const
  assert.deepEqual(queues({ taskQueues: { mail: {}, images } }).declared, expected)
  assert.deepEqual(queues({ taskQueues: ['mail', { name: 'images', ...images }] }).declared, expected)
})

test("Celery's spelling of a declaration is read", () => {
  const declared = {
    images: { exchange_type: 'topic', routing_key: 'image.#', queue_arguments: { 'x-expires': 1000 } },
  }
  const [images] = queues({ taskQueues: declared as object as NonNullable<SettingsInput['taskQueues']> }).declared
  assert.equal(images?.exchange?.type, 'topic')
  assert.equal(images?.routingKey, 'image.#')
  assert.deepEqual(images?.arguments, { 'x-expires': 1000 })
})

test('a declaration that makes no sense is refused with its place', () => {
  for (const [taskQueues, expected] of [
    [{ mail: { prioriy: 3 } }, /taskQueues\.mail` has no option `prioriy`/],
    [{ mail: { maxPriority: 'high' } }, /taskQueues\.mail\.maxPriority` must be of type number/],
    [{ mail: { exchangeType: 'headers' } }, /must be one of direct, topic, fanout/],
    [[{ exchange: 'x' }], /taskQueues\[0\]` needs a `name`/],
    [['mail', 'mail'], /`mail` is declared twice/],
    [['a\nb'], /control character/],
    [{ mail: 7 }, /must be an object/],
  ] as const) {
    assert.throws(() => queues({ taskQueues: taskQueues as object as NonNullable<SettingsInput['taskQueues']> }), {
      code: 'LVG_BAD_QUEUE',
      message: expected,
    })
  }
})

test('an unknown name makes a queue on an exchange of its own', () => {
  const known = queues({ taskCreateMissingQueueType: 'quorum', taskCreateMissingQueueExchangeType: 'topic' })
  assert.deepEqual(known.resolve('new'), {
    name: 'new',
    exchange: { name: 'new', type: 'topic' },
    routingKey: 'new',
    arguments: { 'x-queue-type': 'quorum' },
  })
  assert.equal(known.get('new'), known.resolve('new'))
  assert.deepEqual(
    known.declared.map(queue => queue.name),
    ['celery'],
  )
})

test('an unknown name is an error when missing queues are not to be made', () => {
  const known = queues({ taskCreateMissingQueues: false, taskQueues: ['images'] })
  assert.throws(() => known.resolve('image'), { code: 'LVG_QUEUE_NOT_FOUND', message: /Did you mean `images`/ })
})

test('a worker consumes its list, else all declared queues, without the excluded ones', () => {
  const known = queues({ taskQueues: ['a', 'b', 'c'] })
  const names = (list: readonly { readonly name: string }[]) => list.map(queue => queue.name)
  assert.deepEqual(names(known.consumed()), ['a', 'b', 'c'])
  assert.deepEqual(names(known.consumed(['b', 'new'])), ['b', 'new'])
  assert.deepEqual(names(known.consumed(undefined, ['b'])), ['a', 'c'])
})

test('a queue added at run time is known from then on', () => {
  const known = queues({ taskCreateMissingQueues: false })
  const queue = known.declare({ name: 'late', exchange: 'x', exchangeType: 'fanout' })
  assert.equal(known.resolve('late'), queue)
  assert.equal(known.declare({ name: 'late' }), queue)
})
