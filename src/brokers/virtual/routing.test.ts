import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueName } from '../../protocol/ids.js'
import type { Exchange, Topology } from '../broker.js'
import type { RoutingTable } from './routing.js'
import {
  addBinding,
  addTopology,
  bindingsOf,
  createRoutingTable,
  removeQueue,
  route,
  topologyParts,
} from './routing.js'

const MAIL: Exchange = { name: 'mail', type: 'direct' }
const EVENTS: Exchange = { name: 'events', type: 'topic' }
const NEWS: Exchange = { name: 'news', type: 'fanout' }

function queue(name: string): QueueName {
  return name as QueueName
}

function tableOf(topology: Topology): RoutingTable {
  const table = createRoutingTable()
  addTopology(table, topologyParts(topology))
  return table
}

test('the default exchange reaches a declared queue by its name', () => {
  const table = tableOf({ queues: [{ name: queue('q') }] })
  assert.deepEqual(route(table, '', 'q'), ['q'])
})

test('D03 a queue nobody declared is not reached', () => {
  assert.deepEqual(route(tableOf({ queues: [{ name: queue('q') }] }), '', 'other'), [])
})

test('D03 an exchange nobody declared reaches nothing', () => {
  assert.deepEqual(route(tableOf({ queues: [{ name: queue('q') }] }), 'mail', 'q'), [])
})

test('a direct exchange compares whole keys', () => {
  const table = tableOf({
    queues: [
      { name: queue('a'), exchange: MAIL, routingKey: 'k' },
      { name: queue('b'), exchange: MAIL, routingKey: 'k' },
      { name: queue('c'), exchange: MAIL, routingKey: 'k.x' },
    ],
  })
  assert.deepEqual(route(table, 'mail', 'k'), ['a', 'b'])
  assert.deepEqual(route(table, 'mail', '*'), [])
})

test('a queue without a routing key is bound by its name', () => {
  assert.deepEqual(route(tableOf({ queues: [{ name: queue('a'), exchange: MAIL }] }), 'mail', 'a'), ['a'])
})

test('a topic exchange hands one message to a queue once, however many of its bindings match', () => {
  const table = tableOf({
    queues: [
      { name: queue('all'), exchange: EVENTS, routingKey: '#' },
      { name: queue('all'), exchange: EVENTS, routingKey: 'worker.*' },
      { name: queue('tasks'), exchange: EVENTS, routingKey: 'task.*' },
    ],
  })
  assert.deepEqual(route(table, 'events', 'worker.online'), ['all'])
  assert.deepEqual(route(table, 'events', 'task.sent'), ['all', 'tasks'])
})

test('a fanout exchange reaches every bound queue and looks at no key', () => {
  const table = tableOf({
    queues: [
      { name: queue('a'), exchange: NEWS, routingKey: 'x' },
      { name: queue('b'), exchange: NEWS },
    ],
  })
  assert.deepEqual(route(table, 'news', 'anything'), ['a', 'b'])
})

test('declaring again changes nothing', () => {
  const topology: Topology = { exchanges: [NEWS], queues: [{ name: queue('a'), exchange: MAIL, routingKey: 'k' }] }
  const table = tableOf(topology)
  addTopology(table, topologyParts(topology))
  assert.deepEqual(bindingsOf(table), [{ exchange: 'mail', exchangeType: 'direct', routingKey: 'k', queue: 'a' }])
})

test('an exchange declared with another type is a conflict, and nothing of that topology is kept', () => {
  const table = tableOf({ exchanges: [MAIL] })
  const wrong = topologyParts({ queues: [{ name: queue('q'), exchange: { name: 'mail', type: 'topic' } }] })
  assert.throws(() => addTopology(table, wrong), { code: 'LVG_TOPOLOGY_CONFLICT' })
  assert.equal(table.queues.size, 0)
})

test('a topology that contradicts itself is a conflict', () => {
  const topology: Topology = {
    exchanges: [{ name: 'x', type: 'topic' }],
    queues: [{ name: queue('q'), exchange: { name: 'x', type: 'direct' } }],
  }
  assert.throws(() => topologyParts(topology), { code: 'LVG_TOPOLOGY_CONFLICT' })
})

test('a binding to an exchange nobody declared is refused', () => {
  const binding = { exchange: 'none', routingKey: 'k', queue: queue('q') }
  assert.throws(() => addBinding(createRoutingTable(), binding), { code: 'LVG_TOPOLOGY_CONFLICT' })
})

test('a removed queue takes its bindings with it', () => {
  const table = tableOf({
    queues: [
      { name: queue('a'), exchange: MAIL, routingKey: 'k' },
      { name: queue('b'), exchange: MAIL, routingKey: 'k' },
    ],
  })
  removeQueue(table, queue('a'))
  assert.deepEqual(route(table, 'mail', 'k'), ['b'])
  assert.deepEqual(route(table, '', 'a'), [])
  removeQueue(table, queue('b'))
  assert.deepEqual(bindingsOf(table), [])
})
