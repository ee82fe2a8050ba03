import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../lib/log.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Address, Settled } from '../broker.js'
import { NotSentError } from '../errors.js'
import { AmqpDelivery, type DeliveryOwner, type DeliveryTags } from './amqp-delivery.js'
import { ClaimNumbers } from './claim-numbers.js'
import { type Mover, moveDelivery } from './move-delivery.js'
import { readPast, withPast } from './past.js'

const QUEUE = 'celery' as QueueName
const NOW = 1_795_000_000_000

/** A delivery, the connection that holds it, and what was done with both, in order. */
class Scene implements DeliveryOwner, DeliveryTags, Mover {
  readonly claims = new ClaimNumbers({ next: () => 0.5 })
  readonly log = silentLog
  readonly done: string[] = []
  readonly delivery: AmqpDelivery
  /** So many of the next publishes fail so. */
  failures: Error[] = []
  parks = true
  #held = true

  constructor(mark?: 'begun' | 'failed', redelivered = false) {
    const past = { deliveries: 1, mark: mark ?? 'failed', claim: 1, exchange: '', routingKey: QUEUE } as const
    const headers = mark === undefined ? {} : withPast({}, past)
    const fields = { deliveryTag: 1, redelivered, exchange: '', routingKey: QUEUE }
    const incoming = { fields, properties: { headers }, content: Buffer.from('x') }
    this.delivery = new AmqpDelivery(incoming, { name: QUEUE }, this, this, NOW)
  }

  hold(): void {}
  released(): void {}

  has(): boolean {
    return this.#held
  }

  async ack(): Promise<Settled> {
    return this.#end('ack')
  }

  async requeue(): Promise<Settled> {
    return this.#end('return')
  }

  replace(...[delivery, past, delay]: Parameters<DeliveryOwner['replace']>): Promise<Settled> {
    return moveDelivery(delivery, past, delay, this)
  }

  async addressOf(_: unknown, delay: Ms): Promise<Address | undefined> {
    if (delay > 0 && !this.parks) return undefined
    return { exchange: delay > 0 ? 'parking' : '', routingKey: QUEUE }
  }

  async publish(...[copy, to]: Parameters<Mover['publish']>): Promise<void> {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    const { mark, deliveries } = readPast(copy.headers) ?? {}
    this.done.push(`publish ${mark} ${deliveries}${to.exchange === '' ? '' : ' to parking'}`)
  }

  async pause(delay: Ms): Promise<void> {
    this.done.push(`pause ${delay}`)
  }

  lose(): void {
    this.#held = false
  }

  #end(how: string): Settled {
    if (!this.#held) return 'stale'
    this.#held = false
    this.done.push(how)
    return 'settled'
  }
}

const away = (): Error => new NotSentError('LVG_TEST', 'away', { transient: true })

test('D40 the copy is there before the original is acked', async () => {
  const scene = new Scene()
  assert.equal(await scene.delivery.requeue({ counted: true }), 'settled')
  assert.deepEqual(scene.done, ['publish failed 1', 'ack'])
})

test('D40 a message without a mark that cannot be moved goes back as it is', async () => {
  const scene = new Scene()
  scene.failures = [away()]
  assert.equal(await scene.delivery.requeue({ counted: true }), 'settled')
  assert.deepEqual(scene.done, ['pause 5000', 'return'])
})

test('D40 one that was to begin and is handed back cleanly is no fault, though it cannot be moved at first', async () => {
  const scene = new Scene('begun')
  scene.failures = [away(), away()]
  assert.equal(await scene.delivery.requeue({ counted: false, delay: 3000 }), 'settled')
  assert.deepEqual(scene.done, ['pause 5000', 'pause 5000', 'publish begun 1 to parking', 'ack'])
})

test('D60 what began and failed stays marked when it is put off by one that it only waited with', async () => {
  const scenes = [new Scene('begun', true), new Scene('failed'), new Scene(undefined, true)]
  for (const scene of scenes) await scene.delivery.requeue({ counted: false, delay: 3000 })
  assert.deepEqual(
    scenes.map(({ done }) => done[0]),
    ['publish failed 2 to parking', 'publish failed 1 to parking', 'publish waiting 1 to parking'],
  )
})

test('where that never works it goes back as it is at last, for a worker that stops waits for it', async () => {
  const scene = new Scene('begun')
  scene.failures = [away(), away(), away(), away()]
  assert.equal(await scene.delivery.requeue({ counted: false }), 'settled')
  assert.deepEqual(scene.done, ['pause 5000', 'pause 5000', 'pause 5000', 'return'])
})

test('where nothing can be parked it waits here, and is moved then', async () => {
  const scene = new Scene('begun')
  scene.parks = false
  assert.equal(await scene.delivery.requeue({ counted: false, delay: 3000 }), 'settled')
  assert.deepEqual(scene.done, ['pause 3000', 'publish begun 1', 'ack'])
})

test('it ends with the connection, and where waiting does not help', async () => {
  const lost = new Scene('begun')
  lost.failures = [away()]
  const moving = lost.delivery.requeue({ counted: false })
  lost.lose()
  assert.equal(await moving, 'stale')
  const hopeless = new Scene('begun')
  hopeless.failures = [new RangeError('no header can hold it')]
  assert.equal(await hopeless.delivery.requeue({ counted: false }), 'settled')
  assert.deepEqual(hopeless.done, ['pause 5000', 'return'])
})
