import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { BrokerError, RejectedByBrokerError } from '../../../src/brokers/errors.js'
import { AmqpRig, someQueue } from '../../support/brokers/amqp-rig.js'
import { freePort } from '../../support/services/free-port.js'
import { eventually, openRabbitMq } from '../../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('bad-input')
after(() => rabbit[Symbol.asyncDispose]())

interface Expected {
  readonly code: string
  readonly transient: boolean
  readonly text: RegExp
}

/** The error names the URL with its password masked, within five seconds. */
async function refuses(url: string, expected: Expected): Promise<void> {
  await using rig = new AmqpRig(url)
  const begun = Date.now()
  await assert.rejects(rig.connect(), error => isTold(error, expected))
  assert.ok(Date.now() - begun < 5_000)
}

function isTold(error: unknown, { code, transient, text }: Expected): true {
  assert.ok(error instanceof BrokerError, String(error))
  assert.equal(error.code, code, error.message)
  assert.equal(error.transient, transient, error.message)
  assert.match(error.message, text)
  assert.match(error.message, /\*{8}@127\.0\.0\.1/)
  assert.doesNotMatch(error.message, /canary/)
  return true
}

/** A server that is no RabbitMQ: it does this to whoever connects. */
async function stranger(greet: (socket: Socket) => void): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    greet(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `amqp://app:canary@127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test('nobody at the port: unreachable, and time may mend it', async () => {
  const port = await freePort()
  await refuses(`amqp://app:canary@127.0.0.1:${port}/`, {
    code: 'LVG_BROKER_UNREACHABLE',
    transient: true,
    text: /ECONNREFUSED.*Is RabbitMQ running/,
  })
})

test('G3 somebody who takes the connection and says nothing: unreachable, within the timeout', async () => {
  await using hole = await stranger(() => {})
  await refuses(hole.url, { code: 'LVG_BROKER_UNREACHABLE', transient: true, text: /no answer within 4 s/ })
})

test('another protocol on the port: told as that, for good', async () => {
  await using http = await stranger(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await refuses(http.url, { code: 'LVG_BROKER_PROTOCOL', transient: false, text: /does not speak AMQP 0-9-1.*5672/ })
})

test('M41 garbage instead of a handshake: told as another protocol', async () => {
  await using noise = await stranger(socket => socket.write(Buffer.alloc(64, 0xff)))
  await refuses(noise.url, { code: 'LVG_BROKER_PROTOCOL', transient: false, text: /AMQP/ })
})

test('a connection that is closed during the handshake may be tried again', async () => {
  await using shy = await stranger(socket => socket.destroy())
  await refuses(shy.url, { code: 'LVG_BROKER_LOST', transient: true, text: /5671/ })
})

test('S41 a TLS URL to a plain port fails closed, with the reason', rabbit.needed, async () => {
  await refuses(`amqps://app:canary@127.0.0.1:${rabbit.server.port}/`, {
    code: 'LVG_BROKER_TLS',
    transient: false,
    text: /does not speak TLS/,
  })
})

test('a wrong password is told as that, and is not worth trying again (D85)', rabbit.needed, async () => {
  await refuses(rabbit.urlAs('guest', 'canary'), {
    code: 'LVG_BROKER_LOGIN',
    transient: false,
    text: /ACCESS_REFUSED.*'guest'/,
  })
})

test('an unknown virtual host is told as that', rabbit.needed, async () => {
  await refuses(`amqp://guest:guest@127.0.0.1:${rabbit.server.port}/no-such-host`, {
    code: 'LVG_BROKER_VHOST',
    transient: false,
    text: /no-such-host not found.*add_vhost/,
  })
})

test('rights: each refusal names the user, the thing and the right', rabbit.needed, async t => {
  const user = `${rabbit.vhost}-user`
  await rabbit.addUser(user, 'canary', ['^mine.*$', '^mine.*$', '^mine.*$'])
  const others = someQueue()
  await using owner = new AmqpRig(rabbit.url)
  const keeper = await owner.connect()
  await keeper.declare({ queues: [others], exchanges: [{ name: 'others', type: 'direct' }] })
  await using rig = new AmqpRig(rabbit.urlAs(user, 'canary'))
  const connection = await rig.connect()

  await t.test('declaring', async () => {
    const declared = connection.declare({ queues: [someQueue({ durable: false })] })
    await assert.rejects(declared, error =>
      isTold(error, { code: 'LVG_BROKER_ACCESS', transient: false, text: /declaring queue.*configure/ }),
    )
  })
  await t.test('consuming', async () => {
    await assert.rejects(connection.purge(others.name), error =>
      isTold(error, { code: 'LVG_BROKER_ACCESS', transient: false, text: new RegExp(`queue '${others.name}'`) }),
    )
  })
  await t.test('publishing, without harm to what else is published', async () => {
    const mine = someQueue({ name: 'mine' as never, exchange: { name: 'mine', type: 'direct' } })
    await connection.declare({ queues: [mine] })
    await rig.send(connection, { exchange: 'mine', routingKey: 'mine' }, 'before')
    await assert.rejects(rig.send(connection, { exchange: 'others', routingKey: 'x' }, 'x'), error => {
      assert.ok(error instanceof RejectedByBrokerError)
      return isTold(error, { code: 'LVG_BROKER_ACCESS', transient: false, text: /exchange 'others'.*write/ })
    })
    await assert.rejects(rig.publish(connection, others.name, 'x'), { code: 'LVG_BROKER_ACCESS' })
    await rig.send(connection, { exchange: 'mine', routingKey: 'mine' }, 'after')
    assert.equal((await connection.stats(mine.name)).ready, 2)
  })
})

test('S33 a right withdrawn while running is told, and the rest goes on', rabbit.needed, async () => {
  const user = `${rabbit.vhost}-withdrawn`
  await rabbit.addUser(user, 'canary', ['.*', '.*', '.*'])
  await using rig = new AmqpRig(rabbit.urlAs(user, 'canary'))
  const connection = await rig.connect()
  const queue = someQueue()
  const reader = await connection.consume([queue], 10)
  await rig.publish(connection, queue.name, 'before')
  await rabbit.setRights(user, ['^$', '^$', '.*'])
  // Its 403 closes the channel that publishes; the next one has no rights in its cache.
  await assert.rejects(rig.send(connection, { exchange: 'amq.fanout', routingKey: '' }, 'x'))
  await eventually('the refusal', async () => {
    const sent = await rig.publish(connection, queue.name, 'x').catch((error: unknown) => error)
    return sent instanceof BrokerError && sent.code === 'LVG_BROKER_ACCESS' && !sent.transient
  })
  for await (const [delivery] of reader) {
    assert.equal(await delivery?.ack(), 'settled')
    break
  }
  assert.equal((await connection.stats(queue.name)).consumers, 1)
})

test('D30 a queue that exists with other arguments is told, for good, with the remedy', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  const again = (await rig.connect()).declare({ queues: [{ ...queue, maxPriority: 5 }] })
  await assert.rejects(again, error =>
    isTold(error, { code: 'LVG_TOPOLOGY_CONFLICT', transient: false, text: /x-max-priority.*policy/ }),
  )
  // The channel it closed was for such questions only.
  assert.equal((await connection.stats(queue.name)).ready, 0)
})

test('a queue that belongs to another connection alone is told', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const queue = someQueue({ exclusive: true, durable: false })
  await (await rig.connect()).declare({ queues: [queue] })
  const other = (await rig.connect()).declare({ queues: [queue] })
  await assert.rejects(other, error =>
    isTold(error, { code: 'LVG_QUEUE_LOCKED', transient: true, text: /another connection alone/ }),
  )
})
