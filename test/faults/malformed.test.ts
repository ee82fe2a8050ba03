import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection } from '../../src/brokers/broker.js'
import { fromDeadLetter } from '../../src/protocol/dead-letter.js'
import { queueName } from '../../src/protocol/ids.js'
import type { Message } from '../../src/protocol/message.js'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { House, stop } from './house.js'

/* Malformed messages between good ones, to a real worker: reliability F64, §11. */

const TEXT = { contentType: 'application/json', contentEncoding: 'utf-8' }
const BODY = '[["x"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
const HEADERS = { lang: 'js', task: 'tasks.note', retries: 0, eta: null, expires: null, timelimit: [null, null] }

type Bad = readonly [
  what: string,
  reason: string,
  bad: { readonly headers?: object; readonly properties?: object; readonly body?: string | Buffer },
]

const CASES: readonly Bad[] = [
  ['M01 empty body', 'malformed', { body: '' }],
  ['M02 cut JSON', 'undecodable', { body: BODY.slice(0, 20) }],
  ['M02 two documents', 'undecodable', { body: `${BODY} ${BODY}` }],
  ['M03 invalid UTF-8', 'undecodable', { body: Buffer.from([0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d]) }],
  ['M04 unknown content type', 'disallowed-content', { properties: { contentType: 'text/odd' } }],
  [
    'M05 pickle',
    'disallowed-content',
    { properties: { contentType: 'application/x-python-serialize' }, body: Buffer.from('80049500', 'hex') },
  ],
  ['M06 unknown encoding', 'undecodable', { properties: { contentEncoding: 'utf-99' } }],
  ['M07 garbage for zlib', 'undecodable', { headers: { compression: 'application/x-gzip' } }],
  ['M11 deep nesting', 'malformed', { body: `${'['.repeat(100_000)}${']'.repeat(100_000)}` }],
  ['M32 other JSON', 'malformed', { headers: { task: null, id: null }, body: '{"to": "you", "text": "hello"}' }],
  ['M20 no list', 'malformed', { body: '{"a": 1}' }],
  ['M21 task is a number', 'malformed', { headers: { task: 7 } }],
  ['M22 id is missing', 'malformed', { headers: { id: null } }],
  ['M24 eta is garbage', 'malformed', { headers: { eta: 'tomorrow' } }],
  ['M25 retries is text', 'malformed', { headers: { retries: 'many' } }],
  [
    'M32 an e-mail',
    'disallowed-content',
    { headers: { task: null, id: null }, properties: { contentType: 'text/plain' }, body: 'Dear Sir' },
  ],
]

test('F64 H26 messages of every malformed kind between good ones: each a dead letter with its reason, each good one run, and the worker lives', async () => {
  await using house = new House()
  const worker = await house.worker()
  const connection = await house.connection()
  const good: string[] = []
  for (const [i, [, , bad]] of CASES.entries()) {
    await publish(connection, i, bad)
    good.push((await house.client.sendTask('tasks.note', [`good ${i}`])).id)
  }
  for (const id of good) assert.equal(await house.ended(id), 'SUCCESS')
  const dead = await eventually('the dead letters', async () => {
    const stats = await house.queue('celery.dead')
    return stats?.ready === CASES.length ? await connection.get(queueName('celery.dead'), CASES.length) : undefined
  })
  const reasons = new Map(
    dead.map(delivery => {
      const { record, message } = fromDeadLetter(delivery.message) ?? {}
      return [message?.properties.messageId, record?.reason]
    }),
  )
  assert.deepEqual(
    CASES.map(([what], i) => [what, reasons.get(String(i))]),
    CASES.map(([what, reason]) => [what, reason]),
  )
  assert.doesNotMatch(worker.stderr, /Internal error|CRITICAL/)
  assert.deepEqual(await stop(worker), { code: 0, signal: null })
})

function publish(connection: Connection, i: number, { headers, properties, body = BODY }: Bad[2]): Promise<void> {
  // Malformed on purpose: the types would not allow it.
  const message = {
    headers: { ...HEADERS, id: `bad-${i}`, ...headers },
    properties: { ...TEXT, messageId: String(i), ...properties },
    body: Buffer.from(body as string),
  } as unknown as Message
  return connection.publish(message, { exchange: '', routingKey: queueName('celery') }, { publishId: `bad-${i}` })
}
