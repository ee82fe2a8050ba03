import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { connect, type Options } from 'amqplib'
import type { HaltingPlace } from '../../halting/real/halting-place.js'
import { Rig } from '../../halting/real/rig.js'
import { openRabbitMq } from '../../support/services/rabbitmq.js'

/*
 * Reliability §11, M34 to M37, as a foreign client can send them over AMQP: what its properties and its types of fields
 * allow is more than what an envelope of ours can say. Each is published between two good messages, to a real worker. Of
 * M36, RabbitMQ refuses unknown delivery modes and expirations that are no numbers itself.
 */

const rabbit = await openRabbitMq('malformed')
after(() => rabbit[Symbol.asyncDispose]())

const place: HaltingPlace = {
  name: 'rabbitmq',
  needed: rabbit.needed,
  url: () => rabbit.url,
  settings: { brokerHeartbeat: 2 },
  deleteQueue: name => rabbit.deleteQueue(name),
}

/** A shortstr has room for no more. */
const LONGEST = 255

const many = (count: number): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`h${n}`, n]))

/** How amqplib is told of types that JavaScript has not. */
const typed = (type: string, value: unknown): unknown => ({ '!': type, value })

type Case = readonly [what: string, outcome: 'runs' | string, options: Options.Publish]

const CASES: readonly Case[] = [
  ['M34 no correlation id', 'runs', { correlationId: undefined as never }],
  ['M34 an answer queue of wildcards, as long as can be', 'runs', { replyTo: '*.#'.repeat(LONGEST / 3) }],
  ['M34 an answer queue with control characters', 'runs', { replyTo: 'a\0b\r\n' }],
  ['M34 a correlation id of another task', 'runs', { correlationId: '\u0000'.repeat(LONGEST) }],
  ['M35 priority 11', 'runs', { priority: 11 }],
  ['M35 priority 255', 'runs', { priority: 255 }],
  ['M36 a time of the far future', 'runs', { timestamp: 2 ** 53 - 1 }],
  ['M36 type, app id and message id of nonsense', 'runs', { type: '\u0000', appId: '\ud800', messageId: '%00' }],
  ['M36 an expiration of years', 'runs', { expiration: '31536000000' }],
  [
    'M37 headers of every AMQP type',
    'runs',
    {
      headers: {
        decimal: typed('decimal', { places: 2, digits: 314 }),
        time: typed('timestamp', 1_700_000_000),
        float: typed('float', 0.5),
        double: typed('double', -1e300),
        byte: typed('byte', -1),
        short: typed('short', -2),
        int: typed('int', -3),
        long: typed('long', 2 ** 52),
        bytes: Buffer.from([0xff, 0, 0xfe]),
        list: [1, [typed('timestamp', 1), null], { deep: [] }],
        table: { a: { b: { c: null } } },
        none: null,
        flag: true,
      },
    },
  ],
  ['M37 a table with names that mean something to JavaScript', 'runs', { headers: { constructor: 1, toString: {} } }],
  ['M37 thousands of headers', 'too-large', { headers: many(5000) }],
  ['M37 a header of 60 KiB', 'runs', { headers: { big: 'x'.repeat(60 * 1024) } }],
]

test(
  'M34 M35 M36 M37 properties and headers as foreign clients may send them run or are dead letters, and their neighbours run',
  rabbit.needed,
  async () => {
    await using rig = await Rig.open(place, 'malformed')
    const { log } = await rig.worker()
    const good: string[] = []
    for (const [index, [, , options]] of CASES.entries()) {
      good.push(...(await rig.send(`good${index}-`, 1)))
      await publish(rig.queue, `bad-${index}`, options)
    }
    good.push(...(await rig.send('last', 1)))
    await rig.drained(good)
    rig.once(good)
    const dead = await rig.dead(CASES.filter(([, outcome]) => outcome !== 'runs').length)
    const outcomes = await Promise.all(
      CASES.map(async ([what], index) => {
        const reason = dead.get(`bad-${index}`)
        if (reason !== undefined) return [what, reason]
        const value = await rig.client.result(`bad-${index}`).get({ timeout: 60 })
        return [what, value === 'w1' && rig.times(`bad-${index}`) === 1 ? 'runs' : value]
      }),
    )
    assert.deepEqual(
      outcomes,
      CASES.map(([what, outcome]) => [what, outcome]),
    )
    assert.deepEqual(
      log.filter(({ level }) => level === 'critical').map(({ message }) => message),
      [],
    )
  },
)

/** A task as Celery would send it, but for the options. */
async function publish(queue: string, id: string, { headers, ...options }: Options.Publish): Promise<void> {
  const connection = await connect(rabbit.url)
  const channel = await connection.createConfirmChannel()
  const task = { lang: 'py', task: 'probe', id, retries: 0, eta: null, expires: null, timelimit: [null, null] }
  const body = '[[1], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
  channel.publish('', queue, Buffer.from(body), {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    correlationId: id,
    deliveryMode: 2,
    ...options,
    headers: { ...task, ...headers },
  })
  await channel.waitForConfirms()
  await connection.close()
}
