import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { type Outgoing, outgoing } from '../../src/app/outgoing.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { taskId } from '../../src/protocol/ids.js'
import { signatureFromDict } from '../../src/protocol/signature-dict.js'
import { handRuntime } from './hand-runtime.js'

const app = (settings: SettingsInput = {}): App => new App('shop', settings, { runtime: handRuntime() })

/** The message of a signature as it came off the wire. */
function sent(dict: object, settings: SettingsInput = {}, context: Parameters<typeof outgoing>[2] = {}): Outgoing {
  return outgoing(app(settings), signatureFromDict({ args: [], kwargs: {}, ...dict }), context)
}

test("a callback's options, as another language wrote them, are those of its message", () => {
  const out = sent({
    task: 'py.add',
    args: [1],
    kwargs: { b: 2 },
    options: {
      task_id: 'fixed',
      queue: 'mail',
      priority: 3,
      time_limit: 30,
      soft_time_limit: null,
      group_id: 'g',
      group_index: 1,
      headers: { trace: 'x' },
      reply_to: 'answers',
      shadow: 'addition',
      replaced_task_nesting: 2,
    },
  })
  const { headers, properties } = out.message
  assert.equal(headers['id'], 'fixed')
  assert.equal(headers['group'], 'g')
  assert.equal(headers['group_index'], 1)
  assert.deepEqual(headers['timelimit'], [30, null])
  assert.equal(headers['trace'], 'x')
  assert.equal(headers['shadow'], 'addition')
  assert.equal(headers['replaced_task_nesting'], 2)
  assert.equal(properties.priority, 3)
  assert.equal(properties.replyTo, 'answers')
  assert.deepEqual(out.to, { exchange: '', routingKey: 'mail' })
  assert.equal(out.queue?.name, 'mail')
  assert.deepEqual(JSON.parse(new TextDecoder().decode(out.message.body)).slice(0, 2), [[1], { b: 2 }])
})

test('who causes the publish is the parent, whatever the signature says', () => {
  const options = { parent_id: 'old', root_id: 'old' }
  const context = { parentId: taskId('p'), rootId: taskId('r'), priority: 6, publishId: 'act-1' }
  const out = sent({ task: 'x', options }, {}, context)
  assert.equal(out.message.headers['parent_id'], 'p')
  assert.equal(out.message.headers['root_id'], 'r')
  assert.equal(out.message.properties.priority, 6)
  assert.equal(out.publishId, 'act-1')
})

test("a signature's own priority wins over the inherited one", () => {
  assert.equal(sent({ task: 'x', options: { priority: 1 } }, {}, { priority: 6 }).message.properties.priority, 1)
})

test('links, chain and chord of a signature travel on', () => {
  const step = { task: 'next', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }
  const out = sent({ task: 'x', options: { link: step, link_error: [step], chain: [step, step], chord: step } })
  const [, , embed] = JSON.parse(new TextDecoder().decode(out.message.body)) as [unknown, unknown, object]
  assert.deepEqual(embed, { callbacks: [step], errbacks: [step], chain: [step, step], chord: step })
})

test('stamps move from the options to the headers', () => {
  const out = sent({ task: 'x', options: { stamped_headers: ['customer'], customer: 7 } })
  assert.deepEqual(out.message.headers['stamped_headers'], ['customer'])
  assert.deepEqual(out.message.headers['stamps'], { customer: 7 })
})

test('an option nobody knows is left out', () => {
  assert.equal(sent({ task: 'x', options: { interval: 1, whatever: { a: 1 } } }).message.headers['task'], 'x')
})

test('a countdown of the signature is counted from now', () => {
  const one = app()
  const out = outgoing(one, signatureFromDict({ task: 'x', options: { countdown: 60 } }), {})
  assert.equal(out.notBefore, one.runtime.clock.now() + 60_000)
})

test('routes apply to what a worker publishes', () => {
  assert.deepEqual(sent({ task: 'mail.send' }, { taskRoutes: { 'mail.*': 'mail' } }).to.routingKey, 'mail')
})
