import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import type { Connection } from '../../../src/brokers/broker.js'
import { PostgresSuite, postgresBroker } from '../../support/brokers/postgres-place.js'
import { eventually, publish, QUEUE, textOf } from '../../support/brokers/sqlite-rig.js'
import { needsPostgres } from '../../support/services/postgres.js'

/* Real processes on one schema. */

const suite = new PostgresSuite()
after(() => suite[Symbol.asyncDispose]())

interface Rig extends AsyncDisposable {
  readonly url: string
  readonly schema: string
  readonly connection: Connection
}

async function rig(): Promise<Rig> {
  const url = (await suite.database).url()
  const schema = suite.nextSchema()
  const broker = postgresBroker(url, schema, { sweepMs: 100 })
  const connection = await broker.connect({ name: 'rig@test' })
  await connection.declare({ queues: [{ name: QUEUE }] })
  return { url, schema, connection, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() }
}

class Holder implements AsyncDisposable {
  readonly #process
  readonly #lines: AsyncIterator<string>

  constructor({ url, schema }: Rig, ...args: readonly string[]) {
    const script = new URL('./children/holder.js', import.meta.url).pathname
    this.#process = spawn(process.execPath, [script, url, schema, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    return (await this.#lines.next()).value
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}

test(
  'F01 D23 the messages of a killed process are ready again when its lease is over, in their old place, counted',
  needsPostgres,
  async () => {
    await using place = await rig()
    for (const text of ['0', '1']) await publish(place.connection, text)
    await using holder = new Holder(place, '2000', '500')
    assert.equal(await holder.line(), 'held 0 1')
    await publish(place.connection, '2')
    holder.kill('SIGKILL')
    await eventually('the messages', async () => ((await place.connection.stats(QUEUE)).ready === 3 ? true : undefined))
    const deliveries = await place.connection.get(QUEUE, 10)
    assert.deepEqual(
      deliveries.map(delivery => [textOf(delivery), delivery.faults, delivery.redelivered]),
      [
        ['0', 1, true],
        ['1', 1, true],
        ['2', 0, false],
      ],
    )
  },
)

test('D24 a process that blocks its event loop for many lease lengths keeps its messages', needsPostgres, async () => {
  await using place = await rig()
  await publish(place.connection, 'x')
  await using holder = new Holder(place, '3000', '300', '12000')
  assert.equal(await holder.line(), 'held x')
  const robbed = eventually('a robbery', async () => (await place.connection.get(QUEUE, 1))[0], 10_000)
  await assert.rejects(robbed, /in vain/)
  assert.equal(await holder.line(), 'suspect false acks settled')
})

test(
  'F05 a process that stood still beyond its lease is robbed, and its late ack is stale',
  needsPostgres,
  async () => {
    await using place = await rig()
    await publish(place.connection, 'x')
    await using holder = new Holder(place, '2000', '300', '1000')
    assert.equal(await holder.line(), 'held x')
    holder.kill('SIGSTOP')
    const again = await eventually('the message', async () => (await place.connection.get(QUEUE, 1))[0])
    holder.kill('SIGCONT')
    assert.match(await holder.line(), /acks (stale|LVG_LEASE_LOST)$/)
    assert.equal(await again.ack(), 'settled')
  },
)
