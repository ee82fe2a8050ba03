import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Consumer } from '../../src/brokers/broker.js'
import { COMMAND_LIMIT } from '../../src/control/answer-request.js'
import type { CommandTable } from '../../src/control/command-table.js'
import type { Question } from '../../src/control/control-line.js'
import { deferred } from '../../src/lib/deferred.js'
import type { ControlReply } from '../../src/protocol/pidbox.js'
import { ControlRig, SETTINGS } from './rig.js'

const PATIENCE = { timeout: 1000 }

function ask(method: string, rest: Partial<Question> = {}): Question {
  return { method, arguments: {}, ...rest }
}

function values(replies: readonly ControlReply[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(replies.map(({ node, value }) => [node, value]))
}

describe('a broadcast', () => {
  it('is answered by every node, each under its name', async () => {
    await using rig = new ControlRig()
    for (const node of ['w1@h', 'w2@h', 'w3@h']) await rig.node(node)
    const replies = await rig.within(3000, rig.line().call(ask('ping'), PATIENCE))
    const pong = { ok: 'pong' }
    assert.deepEqual(values(replies), { 'w1@h': pong, 'w2@h': pong, 'w3@h': pong })
  })

  it('to names or a pattern is answered by those alone, and by names without waiting longer', async () => {
    await using rig = new ControlRig()
    for (const node of ['w1@h', 'w2@h', 'x@h']) await rig.node(node)
    const line = rig.line()
    const named = line.call(ask('ping', { destination: ['w2@h'] }), PATIENCE)
    assert.deepEqual(Object.keys(values(await rig.within(500, named))), ['w2@h'])
    const glob = line.call(ask('ping', { pattern: 'w*', matcher: 'glob' }), PATIENCE)
    assert.deepEqual(Object.keys(values(await rig.within(3000, glob))), ['w1@h', 'w2@h'])
    const pcre = line.call(ask('ping', { pattern: '[^w]', matcher: 'pcre' }), PATIENCE)
    assert.deepEqual(Object.keys(values(await rig.within(3000, pcre))), ['x@h'])
  })

  it('that nobody hears gives nothing when its time is over', async () => {
    await using rig = new ControlRig()
    const call = rig.line().call(ask('ping'), PATIENCE)
    await assert.rejects(rig.within(900, call), /not settled/)
    assert.deepEqual(await rig.within(200, call), [])
  })

  it('waits anew with each reply, and no longer than for `limit` of them', async () => {
    await using rig = new ControlRig()
    const slow = (ms: number): CommandTable => ({ run: () => rig.runtime.clock.sleep(ms) })
    for (const ms of [800, 1600, 2400]) await rig.node(`after${ms}@h`, { commands: slow(ms) })
    const line = rig.line()
    const all = line.call(ask('stats'), PATIENCE)
    assert.equal((await rig.within(3500, all)).length, 3)
    const begun = rig.runtime.clock.steady()
    const two = await rig.within(5000, line.call(ask('stats'), { ...PATIENCE, limit: 2 }))
    assert.equal(two.length, 2)
    assert.ok(rig.runtime.clock.steady() - begun < 2000)
  })

  it('gives its replies to whoever asked, however many ask at a time; late ones to nobody', async () => {
    await using rig = new ControlRig()
    const wait = deferred()
    await rig.node('w@h', {
      commands: {
        run: async (_, { text }) => {
          if (text === 'slow') await wait.promise
          return text
        },
      },
    })
    const line = rig.line()
    const slow = line.call(ask('clock', { arguments: { text: 'slow' } }), { timeout: 500 })
    assert.deepEqual(await rig.within(1000, slow), [])
    const others = ['a', 'b'].map(text => line.call(ask('clock', { arguments: { text } }), PATIENCE))
    wait.resolve()
    const answers = await rig.within(5000, Promise.all(others))
    assert.deepEqual(
      answers.map(each => each.map(({ value }) => value)),
      [['a'], ['b']],
    )
  })

  it('ends with the signal', async () => {
    await using rig = new ControlRig()
    const abort = new AbortController()
    const call = rig.line().call(ask('ping'), { ...PATIENCE, signal: abort.signal })
    call.catch(() => undefined)
    await rig.runtime.clock.pass(100)
    abort.abort(new Error('enough'))
    await assert.rejects(call, /enough/)
  })

  it('H42 is not heard under another name space', async () => {
    await using rig = new ControlRig()
    await rig.node('w1@h')
    await rig.node('w2@h', { settings: { ...SETTINGS, namespace: 'other' } })
    const replies = await rig.within(3000, rig.line().call(ask('ping'), PATIENCE))
    assert.deepEqual(Object.keys(values(replies)), ['w1@h'])
  })
})

describe('a command', () => {
  const answered = async (question: Question, options = {}): Promise<unknown> => {
    await using rig = new ControlRig()
    await rig.node('w@h', options)
    const [reply] = await rig.within(
      COMMAND_LIMIT * 2,
      rig.line().call(question, { timeout: COMMAND_LIMIT + 1000, limit: 1 }),
    )
    return reply?.value
  }

  it('that is unknown is answered as Celery answers it', async () => {
    assert.deepEqual(await answered(ask('nosuch')), { error: "KeyError('nosuch')" })
  })

  it('that is called wrongly is answered as Python answers it', async () => {
    assert.deepEqual(await answered(ask('rate_limit', { arguments: { task_name: 't' } })), {
      error: 'TypeError("rate_limit() missing 1 required positional argument: \'rate_limit\'")',
    })
  })

  it('that fails is answered with its error', async () => {
    assert.deepEqual(await answered(ask('autoscale')), { error: "ValueError('Autoscale not enabled')" })
  })

  it('is found by its old name', async () => {
    assert.deepEqual(await answered(ask('dump_active')), { method: 'active', given: {} })
  })

  it('that gives nothing is answered with null', async () => {
    assert.equal(await answered(ask('heartbeat')), null)
  })

  it('L17 whose reply is too large is answered with that', async () => {
    const run = (): string => 'x'.repeat(9 * 1024 * 1024)
    const reply = (await answered(ask('stats'), { commands: { run } })) as { readonly error: string }
    assert.match(reply.error, /^EncodeError\(.*L17/)
  })

  it('that never ends is answered with that, and the next one is served', async () => {
    await using rig = new ControlRig()
    let calls = 0
    await rig.node('w@h', { commands: { run: () => (calls++ === 0 ? new Promise(() => undefined) : 'here') } })
    const line = rig.line()
    const patience = { timeout: COMMAND_LIMIT * 2, limit: 1 }
    const replies = await rig.within(
      COMMAND_LIMIT * 3,
      Promise.all([ask('stats'), ask('clock')].map(q => line.call(q, patience))),
    )
    assert.deepEqual(
      replies.map(([reply]) => reply?.value),
      [{ error: "TimeoutError('stats has not ended within 30 s')" }, 'here'],
    )
  })

  it('shutdown is never answered', async () => {
    await using rig = new ControlRig()
    await rig.node('w@h')
    assert.deepEqual(await rig.within(3000, rig.line().call(ask('shutdown'), PATIENCE)), [])
  })

  it('runs after the one before it has ended', async () => {
    await using rig = new ControlRig()
    const log: string[] = []
    const run = async (method: string): Promise<void> => {
      log.push(`${method} begins`)
      await rig.runtime.clock.sleep(100)
      log.push(`${method} ends`)
    }
    await rig.node('w@h', { commands: { run } })
    const line = rig.line()
    await rig.within(1000, Promise.all([line.cast(ask('stats'), PATIENCE), line.cast(ask('clock'), PATIENCE)]))
    await rig.runtime.clock.pass(1000)
    assert.deepEqual(log, ['stats begins', 'stats ends', 'clock begins', 'clock ends'])
  })
})

describe('S74 the policy', () => {
  const refused = async (method: string, policy: Parameters<ControlRig['node']>[1]): Promise<unknown> => {
    await using rig = new ControlRig()
    await rig.node('w@h', policy)
    const [reply] = await rig.within(3000, rig.line().call(ask(method), { ...PATIENCE, limit: 1 }))
    return reply?.value
  }
  const error = (method: string, rule: string): unknown => ({
    error: `PermissionError('${method} is not allowed here: remoteControl is ${rule}')`,
  })

  it('read allows what only looks', async () => {
    assert.deepEqual(await refused('ping', { policy: 'read' }), { ok: 'pong' })
    assert.deepEqual(await refused('heartbeat', { policy: 'read' }), error('heartbeat', 'read'))
    assert.deepEqual(await refused('shutdown', { policy: 'read' }), error('shutdown', 'read'))
  })

  it('read lets neighbours ask, and takes no revoked tasks from them', async () => {
    await using rig = new ControlRig()
    await rig.node('w@h', { policy: 'read' })
    const given = { from_node: 'x@h', revoked: { id: [1.5, 'id'] } }
    const [reply] = await rig.within(
      3000,
      rig.line().call(ask('hello', { arguments: given }), { ...PATIENCE, limit: 1 }),
    )
    assert.deepEqual(reply?.value, { method: 'hello', given: { from_node: 'x@h', revoked: null } })
  })

  it('a list allows what it names, by either name', async () => {
    assert.deepEqual(await refused('heartbeat', { policy: ['heartbeat', 'dump_active'] }), null)
    assert.deepEqual(await refused('active', { policy: ['dump_active'] }), { method: 'active', given: {} })
    assert.deepEqual(await refused('ping', { policy: ['heartbeat', 'stats'] }), error('ping', '[heartbeat, stats]'))
  })

  it('signed refuses what is not signed', async () => {
    assert.deepEqual(await refused('ping', { policy: 'signed' }), error('ping', 'signed'))
  })
})

describe('a mailbox', () => {
  const to = { exchange: 'celery.pidbox', routingKey: '' }

  it('M45 drops what it cannot read, says why, answers where it can, and goes on', async () => {
    await using rig = new ControlRig()
    await rig.node('w@h')
    const line = rig.line()
    await rig.within(3000, line.call(ask('ping'), PATIENCE))
    const connection = await rig.broker().connect({ name: 'stranger' })
    const json = { contentType: 'application/json', contentEncoding: 'utf-8' }
    const bodies: readonly (string | Uint8Array)[] = [
      '',
      '[]',
      '{',
      '{"method": 7}',
      '{"method": "ping", "destination": {}}',
      '{"method": "ping", "pattern": "x", "matcher": "sql"}',
      Buffer.from([0xff, 0xfe]),
    ]
    for (const [at, body] of bodies.entries()) {
      await connection.publish({ headers: {}, properties: json, body: Buffer.from(body as string) }, to, {
        publishId: `m${at}`,
      })
    }
    const pickled = {
      headers: {},
      properties: { contentType: 'application/x-python-serialize' },
      body: Buffer.from('x'),
    }
    await connection.publish(pickled, to, { publishId: 'pickled' })
    await rig.runtime.clock.pass(100)
    assert.equal(rig.rejected.length, bodies.length + 1)
    const replies = await rig.within(3000, line.call(ask('ping'), PATIENCE))
    assert.deepEqual(values(replies), { 'w@h': { ok: 'pong' } })
    await connection[Symbol.asyncDispose]()
  })

  it('S76 answers to reply queues of its name space, and nowhere else', async () => {
    await using rig = new ControlRig()
    const mailbox = await rig.node('w@h')
    const connection = await rig.broker().connect({ name: 'stranger' })
    await connection.declare({ queues: [{ name: 'tasks' as never, exchange: { name: 'tasks', type: 'direct' } }] })
    const body = { method: 'ping', ticket: 't', reply_to: { exchange: 'tasks', routing_key: 'tasks' } }
    const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
    await connection.publish({ headers: {}, properties, body: Buffer.from(JSON.stringify(body)) }, to, {
      publishId: 'x',
    })
    await rig.runtime.clock.pass(100)
    assert.equal((await connection.stats('tasks' as never)).ready, 0)
    assert.match(String(rig.rejected), /S76/)
    assert.equal(mailbox.droppedReplies, 0)
    await connection[Symbol.asyncDispose]()
  })

  it('H18 is opened again when it alone was lost', async () => {
    await using rig = new ControlRig()
    const opened: Consumer[] = []
    await rig.node('w@h', { consumers: opened })
    await opened[0]?.[Symbol.asyncDispose]()
    await rig.runtime.clock.pass(6000)
    assert.equal(opened.length, 2)
    const replies = await rig.within(3000, rig.line().call(ask('ping'), { ...PATIENCE, limit: 1 }))
    assert.deepEqual(values(replies), { 'w@h': { ok: 'pong' } })
  })
})

describe('H18 what remote control leaves behind', () => {
  it('is nothing, a few seconds after the last call', async () => {
    await using rig = new ControlRig()
    await rig.node('w@h')
    const line = rig.line()
    for (let i = 0; i < 50; i++) await rig.within(3000, line.call(ask('ping'), { ...PATIENCE, limit: 1 }))
    const connection = await rig.broker().connect({ name: 'looker' })
    const names = async (): Promise<readonly string[]> => (await connection.list()).map(({ queue }) => queue).sort()
    assert.equal((await names()).filter(name => name.endsWith('.reply.celery.pidbox')).length, 1)
    await rig.runtime.clock.pass(10_000)
    assert.deepEqual(await names(), ['w@h.celery.pidbox'])
    await connection[Symbol.asyncDispose]()
  })

  it('is nothing, when the asker has died', async () => {
    await using rig = new ControlRig()
    await rig.node('w@h')
    await rig.within(3000, rig.line().call(ask('ping'), { ...PATIENCE, limit: 1 }))
    rig.store.freeze('asker')
    await rig.runtime.clock.pass(60_000)
    const connection = await rig.broker().connect({ name: 'looker' })
    assert.deepEqual(
      (await connection.list()).map(({ queue }) => queue),
      ['w@h.celery.pidbox'],
    )
    await connection[Symbol.asyncDispose]()
  })
})
