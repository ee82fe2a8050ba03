import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { test } from 'node:test'
import { BrokerError } from '../../../src/brokers/errors.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'
import { connect, eventually, publish, QUEUE } from './rig.js'

/* What a server, or what stands between, may answer instead of an answer. */

const missing = redisServerMissing()
const needed = missing === undefined ? {} : { skip: missing }

/** Stands before a server; while `answer` is set, that is what every command gets, and the server hears of none. */
class Answering implements AsyncDisposable {
  answer: string | undefined
  readonly #sockets = new Set<Socket>()
  readonly #clients = new Set<Socket>()
  readonly #server = createServer(client => this.#take(client))
  readonly #behind: number

  constructor(behind: number) {
    this.#behind = behind
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}/0`
  }

  /** To everybody who is connected, without having been asked. */
  say(bytes: string | Buffer): void {
    for (const client of this.#clients) client.write(bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #take(client: Socket): void {
    const server = dial({ host: '127.0.0.1', port: this.#behind })
    this.#clients.add(client)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        to.destroy()
        this.#sockets.delete(from)
        this.#clients.delete(from)
      })
    }
    server.pipe(client)
    client.on('data', (bytes: Buffer) => {
      if (this.answer === undefined) server.write(bytes)
      else client.write(this.answer.repeat(commandsIn(bytes)))
    })
  }
}

/** Commands are arrays, of bulk strings only: their beginnings are lines that begin with an asterisk. */
function commandsIn(bytes: Buffer): number {
  return bytes.toString('latin1').split(/(?:^|\r\n)\*\d+\r\n/).length - 1
}

for (const { what, answer, code, transient } of [
  {
    what: 'a node of a cluster',
    answer: '-MOVED 3999 127.0.0.1:6381\r\n',
    code: 'LVG_REDIS_CLUSTER',
    transient: false,
  },
  {
    what: 'a server that reads its data still',
    answer: '-LOADING Redis is loading the dataset in memory\r\n',
    code: 'LVG_REDIS_LOADING',
    transient: true,
  },
  {
    what: 'a replica',
    answer: "-READONLY You can't write against a read only replica.\r\n",
    code: 'LVG_REDIS_READONLY',
    transient: true,
  },
  {
    what: 'a replica that has lost its master',
    answer: "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
    code: 'LVG_REDIS_LOADING',
    transient: true,
  },
]) {
  test(`D39 ${what}, met in the middle: ${code} ends the connection, and the next one works`, needed, async () => {
    await using server = await privateRedis()
    await using relay = new Answering(server.port)
    const url = await relay.listen()
    {
      await using rig = await connect(url)
      await rig.connection.declare({ queues: [{ name: QUEUE }] })
      relay.answer = answer
      await assert.rejects(publish(rig.connection, 'x'), error => {
        assert.ok(error instanceof BrokerError, String(error))
        assert.deepEqual([error.code, error.transient], [code, transient], error.message)
        return true
      })
      const reason = await rig.connection.closed
      assert.ok(reason.kind === 'lost' && reason.error.code === code)
      await assert.rejects(connect(url), error => {
        assert.ok(error instanceof BrokerError, String(error))
        assert.deepEqual([error.code, error.transient], [code, transient], error.message)
        return true
      })
    }
    relay.answer = undefined
    await using again = await connect(url)
    await publish(again.connection, 'y')
    assert.equal((await again.connection.get(QUEUE, 10)).length, 1)
  })
}

for (const [what, bytes] of [
  ['arrays in arrays, 100,000 deep', '*1\r\n'.repeat(100_000)],
  ['a length below nothing', '$-2\r\n'],
  ['an array of a length below nothing', '*-2\r\n'],
  ['a length of 2⁶³', `$${2n ** 63n}\r\n`],
  ['an array of 2⁶³', `*${2n ** 63n}\r\n`],
  ['an unknown type', '?what\r\n'],
  ['an answer to no question', '+OK\r\n'],
  ['a push that nobody asked for', '>2\r\n$7\r\nmessage\r\n$1\r\nx\r\n'],
  ['noise', Buffer.alloc(64, 0xff)],
] as const) {
  test(
    `M42 ${what}, unasked: the connection ends or goes on, nothing hangs, and the next one works`,
    needed,
    async () => {
      await using server = await privateRedis()
      await using relay = new Answering(server.port)
      const url = await relay.listen()
      {
        await using rig = await connect(url, { address: { answerTimeoutMs: 1500 } })
        await rig.connection.declare({ queues: [{ name: QUEUE }] })
        relay.say(bytes)
        const after = await publish(rig.connection, 'x').then(
          () => 'published',
          (error: unknown) => error,
        )
        if (after !== 'published') {
          assert.ok(after instanceof BrokerError && after.transient, String(after))
          const reason = await rig.connection.closed
          assert.ok(reason.kind === 'lost' && reason.error.transient, JSON.stringify(reason))
        }
      }
      await using again = await connect(url)
      await again.connection.declare({ queues: [{ name: QUEUE }] })
      await publish(again.connection, 'y')
      await eventually('the message', async () =>
        (await again.connection.get(QUEUE, 10)).length > 0 ? true : undefined,
      )
    },
  )
}
