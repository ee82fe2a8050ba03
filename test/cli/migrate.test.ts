import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Broker, Delivery } from '../../src/brokers/broker.js'
import { createSqliteBroker } from '../../src/brokers/sqlite/sqlite-broker.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { queueName } from '../../src/protocol/ids.js'
import { PostgresSuite, postgresBroker } from '../support/brokers/postgres-place.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { Project } from './project.js'

/* `lovage migrate SRC DST` over pairs of brokers. */

const suite = new PostgresSuite()
after(() => suite[Symbol.asyncDispose]())

const MAIL = queueName('mail')
const LATER = 3_600_000

const sqlite = (path: string): Broker => createSqliteBroker({ url: `sqlite:///${path}`, path, runtime: nodeRuntime() })

async function fill(broker: Broker): Promise<number> {
  const due = Date.now() + LATER
  await using connection = await broker.connect({ name: 'filler@test' })
  await connection.declare({ queues: [{ name: MAIL }] })
  const to = { exchange: '', routingKey: MAIL }
  for (const [i, priority] of [1, 9, 1].entries()) {
    const message = {
      headers: { id: `id-${i}`, task: 'mail.send', custom: { deep: [1, null] } },
      properties: { correlationId: `id-${i}`, contentType: 'application/json', priority },
      body: Buffer.from(`[${i}]`),
    }
    await connection.publish(message, to, { publishId: `m-${i}` })
  }
  const late = { headers: { id: 'late' }, properties: {}, body: Buffer.from('late') }
  await connection.publish(late, to, { publishId: 'm-late', notBefore: due })
  return due
}

async function take(broker: Broker): Promise<readonly Delivery[]> {
  await using connection = await broker.connect({ name: 'taker@test' })
  const deliveries = await connection.get(MAIL, 100)
  await Promise.all(deliveries.map(delivery => delivery.ack()))
  return deliveries
}

async function moved(source: Broker, from: string, destination: Broker, to: string): Promise<void> {
  const due = await fill(source)
  using project = new Project()
  const ran = await project.run(['migrate', from, to, '--json'])
  assert.equal(ran.code, 0, ran.stderr)
  assert.deepEqual(JSON.parse(ran.stdout), { messages: 4, queues: [{ queue: 'mail', messages: 4 }], delayedLeft: [] })
  const found = await take(destination)
  assert.deepEqual(
    found.map(({ message }) => [
      message.headers['id'],
      message.properties.priority,
      Buffer.from(message.body).toString(),
    ]),
    [
      ['id-1', 9, '[1]'],
      ['id-0', 1, '[0]'],
      ['id-2', 1, '[2]'],
    ],
  )
  assert.deepEqual(found[0]?.message.headers['custom'], { deep: [1, null] })
  await using connection = await destination.connect({ name: 'late@test' })
  const [late] = (await connection.getDelayed?.(MAIL, 10)) ?? []
  assert.equal(late?.delivery.message.headers['id'], 'late')
  assert.ok(Math.abs(late.notBefore - due) < 1000, `${late.notBefore - due} ms off`)
  await using left = await source.connect({ name: 'left@test' })
  const { ready, held, delayed } = await left.stats(MAIL)
  assert.deepEqual([ready, held, delayed], [0, 0, 0])
}

test('messages move from one file to another: ids, headers, properties, priority, delay', async () => {
  using folder = temporaryFolder()
  const [a, b] = [join(folder.path, 'a.db'), join(folder.path, 'b.db')]
  await using source = sqlite(a)
  await using destination = sqlite(b)
  await moved(source, `sqlite:///${a}`, destination, `sqlite:///${b}`)
})

test('messages move from a file to PostgreSQL', needsPostgres, async () => {
  using folder = temporaryFolder()
  await using database = await ScratchDatabase.create()
  const path = join(folder.path, 'a.db')
  await using source = sqlite(path)
  await using destination = postgresBroker(database.url(), 'lovage')
  await moved(source, `sqlite:///${path}`, destination, database.url())
})

test('messages move from PostgreSQL to a file', needsPostgres, async () => {
  using folder = temporaryFolder()
  await using database = await ScratchDatabase.create()
  const path = join(folder.path, 'a.db')
  await using source = postgresBroker(database.url(), 'lovage')
  await using destination = sqlite(path)
  await moved(source, database.url(), destination, `sqlite:///${path}`)
})

test('--queues and --limit move only that, and an unreachable destination leaves everything where it is', async () => {
  using folder = temporaryFolder()
  const [a, b] = [join(folder.path, 'a.db'), join(folder.path, 'b.db')]
  await using source = sqlite(a)
  await fill(source)
  using project = new Project()
  const refused = await project.run(['migrate', `sqlite:///${a}`, 'postgres://nobody@127.0.0.1:1/nowhere'])
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /LVG_POSTGRES_UNREACHABLE/)
  const other = await project.run(['migrate', `sqlite:///${a}`, `sqlite:///${b}`, '-Q', 'other'])
  assert.equal(other.code, 0, other.stderr)
  const two = await project.run(['migrate', `sqlite:///${a}`, `sqlite:///${b}`, '-Q', 'mail', '--limit', '2', '--json'])
  assert.equal(JSON.parse(two.stdout).messages, 2)
  await using left = await source.connect({ name: 'left@test' })
  const { ready, delayed } = await left.stats(MAIL)
  assert.deepEqual([ready, delayed], [1, 1])
})
