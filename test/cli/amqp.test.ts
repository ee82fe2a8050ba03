import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openRabbitMq } from '../support/services/rabbitmq.js'
import { FakeIo, lovage, type Ran } from './fake-io.js'

const rabbit = await openRabbitMq('cli')
after(() => rabbit[Symbol.asyncDispose]())

function run(words: readonly string[], input?: string, tty = false): Promise<Ran> {
  return lovage(['-b', rabbit.url, ...words], new FakeIo({ tty, ...(input === undefined ? {} : { input }) }))
}

async function says(words: readonly string[], stdout: RegExp | string): Promise<void> {
  const ran = await run(words)
  assert.equal(ran.code, 0, ran.stderr)
  if (typeof stdout === 'string') assert.equal(ran.stdout, stdout)
  else assert.match(ran.stdout, stdout)
}

test('amqp carries out one verb after the other', rabbit.needed, async () => {
  await says(['amqp', 'exchange.declare', 'news', 'topic', 'no', 'yes'], 'ok.\n')
  await says(['amqp', 'queue.declare', 'mail', 'no', 'yes'], 'ok. queue:mail messages:0 consumers:0.\n')
  await says(['amqp', 'queue.bind', 'mail', 'news', 'world.#'], 'ok.\n')
  await says(['amqp', 'basic.publish', 'hello there', 'news', 'world.today', 'yes'], 'ok.\n')
  await says(['amqp', 'queue.declare', 'mail', 'yes'], 'ok. queue:mail messages:1 consumers:0.\n')
  await says(['amqp', 'basic.get', 'mail'], /"body": "hello there"/)
  await says(['amqp', 'basic.get', 'mail', 'yes'], /"redelivered": true/)
  await says(['amqp', 'basic.get', 'mail'], 'ok. The queue is empty.\n')
  await says(['amqp', 'basic.publish', 'x', '', 'mail'], 'ok.\n')
  await says(['amqp', 'queue.purge', 'mail'], 'ok. 1 message deleted.\n')
  await says(['amqp', 'queue.unbind', 'mail', 'news', 'world.#'], 'ok.\n')
  await says(['amqp', 'queue.delete', 'mail'], 'ok. 0 messages deleted.\n')
  await says(['amqp', 'exchange.delete', 'news'], 'ok.\n')
})

test('amqp tells what is wrong, and exits with it', rabbit.needed, async () => {
  for (const [words, code, text] of [
    [['queue.declare', 'nowhere', 'yes'], 2, /LVG_BROKER_NOT_FOUND.*nowhere/],
    [['basic.publish', 'x', '', 'nowhere', 'yes'], 1, /LVG_UNROUTABLE/],
    [['queue.destroy', 'x'], 2, /no verb 'queue.destroy'.*queue.delete/],
    [['queue.bind', 'x'], 2, /Write: queue.bind queue exchange/],
    [['queue.declare', 'x', 'perhaps'], 2, /neither yes nor no/],
  ] as const) {
    const ran = await run(['amqp', ...words])
    assert.equal(ran.code, code, words.join(' '))
    assert.match(ran.stderr, text)
  }
})

test(
  'amqp without words is a shell: quotes, help, errors that do not end it, acknowledging what was taken',
  rabbit.needed,
  async () => {
    const lines = [
      'help',
      'queue.declare shell no yes',
      'basic.publish \'two words\' "" shell',
      'queue.declare nowhere yes',
      'basic.get shell',
      'basic.ack 1',
      'queue.declare shell yes',
      'exit',
    ]
    const ran = await run(['amqp'], `${lines.join('\n')}\n`, true)
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /basic\.ack delivery_tag/)
    assert.match(ran.stdout, /"body": "two words"/)
    assert.match(ran.stdout, /messages:0 consumers:0\.\n> $/)
    assert.match(ran.stderr, /LVG_BROKER_NOT_FOUND/)
  },
)

test('amqp piped in stops at the first error', rabbit.needed, async () => {
  const ran = await run(['amqp'], 'queue.declare nowhere yes\nqueue.declare piped no yes\n')
  assert.equal(ran.code, 2)
  assert.equal(ran.stdout, '')
})

test('amqp on another broker says what there is instead', async () => {
  const ran = await lovage(['-b', 'memory://', 'amqp', 'queue.purge', 'x'], new FakeIo())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /one RabbitMQ.*memory:.*lovage queues/)
})

test('queues, purge, dead and list bindings work, and say what AMQP cannot tell', rabbit.needed, async () => {
  const sent = await run(['call', 'tasks.nobody', '--queue', 'celery'])
  assert.equal(sent.code, 0, sent.stderr)
  const queues = await run(['queues'])
  assert.equal(queues.code, 0, queues.stderr)
  assert.match(queues.stdout, /^celery +1 +0 +0 +0$/m)
  assert.match(queues.stderr, /AMQP cannot list.*management plugin/)
  const bindings = await run(['list', 'bindings'])
  assert.match(bindings.stdout, /^celery +celery +direct +celery$/m)
  const purged = await run(['purge', '-f'])
  assert.equal(purged.stdout, 'Purged 1 message from 1 queue.\n')
  assert.equal((await run(['dead', 'list', 'celery'])).code, 0)
})
