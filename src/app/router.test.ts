import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queues } from './queues.js'
import type { RouteOptions, TaskRoutes } from './route.js'
import { type Destination, Router } from './router.js'
import { resolveSettings, type SettingsInput } from './settings.js'

function router(settings: SettingsInput = {}): Router {
  const resolved = resolveSettings({ code: settings }).settings
  return new Router(resolved, new Queues(resolved))
}

function route(settings: SettingsInput, name: string, options: RouteOptions = {}, own?: RouteOptions): Destination {
  return router(settings).route(name, [], {}, options, own)
}

/** Queue that a task goes to under these routes. */
function queueOf(taskRoutes: TaskRoutes, name: string): string | undefined {
  return route({ taskRoutes }, name).queue?.name
}

test('without routes a task goes to the default queue, through the default exchange', () => {
  const { to, queue } = route({}, 'mail.send')
  assert.deepEqual(to, { exchange: '', routingKey: 'celery' })
  assert.equal(queue?.name, 'celery')
})

test('a map: the exact name first, then patterns in order of definition', () => {
  const routes = { 'mail.*': 'mail', 'mail.urgent': 'urgent', '*.send': 'send' }
  for (const [name, queue] of [
    ['mail.urgent', 'urgent'],
    ['mail.send', 'mail'],
    ['sms.send', 'send'],
    ['sms.read', 'celery'],
  ] as const) {
    assert.equal(queueOf(routes, name), queue, name)
  }
})

test('a key without * is an exact name, whatever else it holds', () => {
  assert.equal(queueOf({ 'a?b': 'q' }, 'axb'), 'celery')
  assert.equal(queueOf({ 'a?b': 'q' }, 'a?b'), 'q')
})

test('pairs may hold regular expressions, matched from the start and not to the end', () => {
  const routes: TaskRoutes = [
    [
      [/(video|image)\./, 'media'],
      ['mail.*', 'mail'],
    ],
  ]
  for (const [name, queue] of [
    ['video.encode', 'media'],
    ['image.resize.small', 'media'],
    ['my.video.encode', 'celery'],
    ['mail.send', 'mail'],
  ] as const) {
    assert.equal(queueOf(routes, name), queue, name)
  }
})

test('a global regular expression answers the same every time', () => {
  const one = router({ taskRoutes: [[[/video/g, 'media']]] })
  for (let i = 0; i < 3; i++) assert.equal(one.route('video.x', [], {}, {}).queue?.name, 'media')
})

test('a single pair that is not in a list of its own is an error', () => {
  const routes = [['a.*', 'q']] as object as TaskRoutes
  assert.throws(() => queueOf(routes, 'a.b'), { code: 'LVG_BAD_ROUTE', message: /\[\[\["a\.\*", "queue"\]\]\]/ })
})

test('a list: the first rule that answers counts', () => {
  const routes: TaskRoutes = [
    () => null,
    { 'mail.*': 'first' },
    (name: string) => (name === 'sms.send' ? { queue: 'second' } : undefined),
    { '*': 'last' },
  ]
  assert.equal(queueOf(routes, 'mail.send'), 'first')
  assert.equal(queueOf(routes, 'sms.send'), 'second')
  assert.equal(queueOf(routes, 'other'), 'last')
})

test('an empty answer means the default, and later rules are not asked', () => {
  assert.equal(queueOf([() => ({}), { '*': 'never' }], 'x'), 'celery')
})

test('a function is told name, arguments and options', () => {
  const seen: unknown[] = []
  const one = router({
    taskRoutes: (...args) => {
      seen.push(args)
      return 'q'
    },
  })
  one.route('x', [1], { k: 2 }, { priority: 3 })
  assert.deepEqual(seen, [['x', [1], { k: 2 }, { priority: 3 }]])
})

test('the older form, an object with routeForTask, is asked too', () => {
  assert.equal(queueOf([{ routeForTask: name => (name === 'x' ? { queue: 'old' } : null) }], 'x'), 'old')
})

test("a call's own options win over the route's, unless null or undefined", () => {
  const taskRoutes = { x: { queue: 'routed', priority: 5, serializer: 'yaml' } }
  const { queue, options } = route({ taskRoutes }, 'x', { queue: 'mine', priority: undefined })
  assert.equal(queue?.name, 'mine')
  assert.equal(options.priority, 5)
  assert.equal(options.serializer, 'yaml')
})

test("a task's own options are weaker than any route", () => {
  const own = { queue: 'own', priority: 1 }
  assert.equal(route({}, 'x', {}, own).queue?.name, 'own')
  const routed = route({ taskRoutes: { x: 'routed' } }, 'x', {}, own)
  assert.equal(routed.queue?.name, 'routed')
  assert.equal(routed.options.priority, 1)
  assert.equal(route({}, 'x', { queue: 'mine' }, own).queue?.name, 'mine')
})

test('where a task says to be sent is taken whole or not at all', () => {
  const own = { exchange: 'own', routingKey: 'own.key' }
  assert.deepEqual(route({}, 'x', {}, own).to, { exchange: 'own', routingKey: 'own.key' })
  assert.deepEqual(route({ taskRoutes: { x: 'routed' } }, 'x', {}, own).to, { exchange: '', routingKey: 'routed' })
})

test('the address follows from queue, exchange and key', () => {
  const settings: SettingsInput = {
    taskQueues: {
      plain: { exchange: 'plain', routingKey: 'plain' },
      media: { exchange: 'media', exchangeType: 'topic', routingKey: 'video.#' },
      news: { exchange: 'news', exchangeType: 'fanout', routingKey: '' },
    },
  }
  for (const [options, exchange, routingKey] of [
    [{ queue: 'plain' }, '', 'plain'],
    [{ queue: 'plain', exchange: 'other' }, '', 'plain'],
    [{ queue: 'plain', routingKey: 'other' }, '', 'plain'],
    [{ queue: 'plain', exchange: 'other', routingKey: 'key' }, 'other', 'key'],
    [{ queue: 'media' }, 'media', 'video.#'],
    [{ queue: 'media', routingKey: 'video.short' }, 'media', 'video.short'],
    [{ queue: 'news' }, 'news', ''],
    [{ exchange: 'edd', routingKey: 'edd' }, 'edd', 'edd'],
    [{ exchange: 'edd' }, 'edd', 'celery'],
    [{ routingKey: 'ignored' }, '', 'celery'],
  ] as const) {
    assert.deepEqual(route(settings, 'x', options).to, { exchange, routingKey }, JSON.stringify(options))
  }
})

test('an exchange alone leaves no queue to declare', () => {
  assert.equal(route({}, 'x', { exchange: 'edd', routingKey: 'k' }).queue, undefined)
})

test('a queue that does not exist is an error when missing ones are not to be made', () => {
  const settings: SettingsInput = { taskCreateMissingQueues: false, taskRoutes: { x: 'nowhere' } }
  assert.throws(() => route(settings, 'x'), { code: 'LVG_QUEUE_NOT_FOUND' })
  assert.throws(() => route(settings, 'y', { queue: 'nowhere' }), { code: 'LVG_QUEUE_NOT_FOUND' })
})

test("Celery's spelling of route options is read", () => {
  const taskRoutes = { x: { queue: 'q', routing_key: 'k', delivery_mode: 1 } } as TaskRoutes
  const { options } = route({ taskRoutes }, 'x')
  assert.equal(options.routingKey, 'k')
  assert.equal(options.deliveryMode, 1)
})

test('routes that are none are refused with their place', () => {
  for (const [routes, place] of [
    [{ x: 7 }, /taskRoutes\[x\]/],
    [{ x: null }, /taskRoutes\[x\]/],
    [{ x: { queue: 7 } }, /taskRoutes\[x\]/],
    [[7], /taskRoutes\[0\]/],
  ] as const) {
    assert.throws(() => queueOf(routes as object as TaskRoutes, 'x'), { code: 'LVG_BAD_ROUTE', message: place })
  }
  assert.throws(() => queueOf(() => 7 as never, 'x'), { code: 'LVG_BAD_ROUTE' })
})
