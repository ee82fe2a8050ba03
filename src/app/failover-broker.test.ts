import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Broker, BrokerFeatures, Connection } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import { FailoverBroker } from './failover-broker.js'

const ALL: BrokerFeatures = {
  delays: true,
  publishDedupe: true,
  leases: false,
  exchanges: ['direct', 'topic'],
  durable: true,
}

interface Place extends Broker {
  up: boolean
  asked: number
}

function place(name: string, features: Partial<BrokerFeatures> = {}): Place {
  const broker: Place = {
    url: name,
    features: { ...ALL, ...features },
    up: true,
    asked: 0,
    connect: async () => {
      broker.asked++
      if (!broker.up) throw new BrokerError('LVG_TEST', `${name} is down`, { transient: true })
      // Told apart by identity only.
      return { name } as unknown as Connection
    },
    [Symbol.asyncDispose]: async () => {
      broker.up = false
    },
  }
  return broker
}

async function answering(broker: Broker): Promise<unknown> {
  return (await broker.connect({ name: 'test' })) as unknown
}

test('the first that answers is connected to, and stays the first choice', async () => {
  const [a, b] = [place('a'), place('b')]
  const broker = new FailoverBroker([a, b])
  assert.deepEqual(await answering(broker), { name: 'a' })
  a.up = false
  assert.deepEqual(await answering(broker), { name: 'b' })
  a.up = true
  assert.deepEqual(await answering(broker), { name: 'b' })
  assert.deepEqual([a.asked, b.asked], [2, 2])
})

test('with shuffling, each connection begins with one that is drawn', async () => {
  const [a, b, c] = [place('a'), place('b'), place('c')]
  const drawn = [0.9, 0.1, 0.5]
  const broker = new FailoverBroker([a, b, c], { next: () => drawn.shift() ?? 0 })
  const answers = [await answering(broker), await answering(broker), await answering(broker)]
  assert.deepEqual(answers, [{ name: 'c' }, { name: 'a' }, { name: 'b' }])
})

test('when none answers, each has been asked once and the last error is told', async () => {
  const [a, b] = [place('a'), place('b')]
  a.up = b.up = false
  await assert.rejects(new FailoverBroker([a, b]).connect({ name: 'test' }), /b is down/)
  assert.deepEqual([a.asked, b.asked], [1, 1])
})

test('it can do what all of them can', () => {
  const broker = new FailoverBroker([place('a'), place('b', { delays: false, leases: true, exchanges: ['direct'] })])
  assert.equal(broker.url, 'a;b')
  assert.deepEqual(broker.features, {
    delays: false,
    parking: false,
    publishDedupe: true,
    leases: true,
    exchanges: ['direct'],
    durable: true,
    limits: false,
  })
})

test('all of them are closed with it', async () => {
  const [a, b] = [place('a'), place('b')]
  await new FailoverBroker([a, b])[Symbol.asyncDispose]()
  assert.deepEqual([a.up, b.up], [false, false])
})
