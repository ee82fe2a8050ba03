import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AskOptions } from '../../src/control/broadcast-options.js'
import { resolveAsk } from '../../src/control/broadcast-options.js'
import { type Asker, Control } from '../../src/control/control.js'
import { Inspect } from '../../src/control/inspect.js'
import { argumentProblem, findCommand } from '../../src/protocol/control-commands.js'
import { parseJson } from '../../src/protocol/json.js'
import { decodeControlRequest, encodeControlRequest } from '../../src/protocol/pidbox.js'
import { vectors } from '../support/vectors.js'
import { CODEC } from './rig.js'

type Call = (control: Control, inspect: (options?: AskOptions) => Inspect) => Promise<unknown>

const REPLY = { reply: true } as const
const A = 'aaaaaaaa-0000-4000-8000-00000000000'
const F = 'ffffffff-0000-4000-8000-000000000000'
const STAMPS = { monitoring_id: ['abc'] }

/** For each captured call of Celery's client, the same call of ours. */
const CALLS: Readonly<Record<string, Call>> = {
  active: (_, inspect) => inspect().active(),
  active_queues: (_, inspect) => inspect().activeQueues(),
  active_queues_after_add: (_, inspect) => inspect().activeQueues(),
  active_safe: (_, inspect) => inspect().active({ safe: true }),
  add_consumer: control => control.addConsumer('extra', {}, REPLY),
  add_consumer_topic: control =>
    control.addConsumer(
      'extra2',
      { exchange: 'ex2', exchangeType: 'topic', routingKey: 'a.#', options: { durable: false } },
      REPLY,
    ),
  autoscale: control => control.autoscale(6, 2, REPLY),
  autoscale_disabled: control => control.autoscale(4, 2, REPLY),
  cancel_consumer: control => control.cancelConsumer('extra', REPLY),
  clock: (_, inspect) => inspect().clock(),
  conf: (_, inspect) => inspect().conf(),
  conf_with_defaults: (_, inspect) => inspect().conf({ withDefaults: true }),
  disable_events: control => control.disableEvents(REPLY),
  disable_events_again: control => control.disableEvents(REPLY),
  election: control => control.election('e1', 'task'),
  enable_events: control => control.enableEvents(REPLY),
  enable_events_again: control => control.enableEvents(REPLY),
  heartbeat: control => control.heartbeat(REPLY),
  hello: (_, inspect) => inspect().hello('other@host'),
  hello_revoked: (_, inspect) => inspect().hello('other@host', { [F]: 1_700_000_000 }),
  memsample: (_, inspect) => inspect().memsample(),
  no_arguments_error: control => control.broadcast('rate_limit', { task_name: 'interop.add' }, REPLY),
  pattern: (_, inspect) => inspect({ pattern: 'w*@vector' }).ping(),
  ping: (_, inspect) => inspect().ping(),
  ping_control: control => control.ping(),
  ping_destination: (_, inspect) => inspect({ destination: ['w1@vector'] }).ping(),
  ping_destination_other: (_, inspect) => inspect({ destination: 'nobody@nowhere' }).ping(),
  pool_grow: control => control.poolGrow(1, REPLY),
  pool_grow_autoscaled: control => control.poolGrow(1, REPLY),
  pool_restart: control => control.poolRestart({}, REPLY),
  pool_restart_disabled: control => control.poolRestart({}, REPLY),
  pool_shrink: control => control.poolShrink(1, REPLY),
  query_task: (_, inspect) => inspect().queryTask(`${A}1`, `${A}2`, F),
  rate_limit: control => control.rateLimit('interop.add', '10/m', REPLY),
  rate_limit_invalid: control => control.rateLimit('interop.add', 'often', REPLY),
  rate_limit_off: control => control.rateLimit('interop.add', 0, REPLY),
  rate_limit_unknown_task: control => control.rateLimit('no.such.task', '10/m', REPLY),
  registered: (_, inspect) => inspect().registered(),
  registered_fields: (_, inspect) => inspect().registered('rate_limit', 'max_retries', 'name'),
  report: (_, inspect) => inspect().report(),
  reserved: (_, inspect) => inspect().reserved(),
  revoke: control => control.revoke(`${A}2`, REPLY),
  revoke_by_stamped_headers: control => control.revokeByStampedHeaders(STAMPS, REPLY),
  revoke_by_stamped_headers_terminate: control =>
    control.revokeByStampedHeaders(STAMPS, { terminate: true, signal: 'SIGTERM', reply: true }),
  revoke_many: control => control.revoke(['33333333-0000-4000-8000-000000000001', F], REPLY),
  revoke_terminate: control => control.revoke(`${A}1`, { terminate: true, signal: 'SIGKILL', reply: true }),
  revoke_terminate_unknown: control => control.revoke(F, { terminate: true, reply: true }),
  revoked: (_, inspect) => inspect().revoked(),
  scheduled: (_, inspect) => inspect().scheduled(),
  shutdown: control => control.shutdown(),
  stats: (_, inspect) => inspect().stats(),
  stats_autoscaled: (_, inspect) => inspect().stats(),
  terminate: control => control.terminate(`${A}5`, { signal: 'SIGTERM', reply: true }),
  time_limit: control => control.timeLimit('interop.add', { soft: 10, hard: 20.5 }, REPLY),
  time_limit_unknown_task: control => control.timeLimit('no.such.task', { soft: 10 }, REPLY),
  unknown_command: control => control.broadcast('no_such_command', {}, REPLY),
}

/** A body over AMQP, or within an envelope of Redis. */
interface Captured {
  readonly body?: { readonly text: string }
  readonly decoded?: { readonly body_decoded: { readonly text: string } }
}

function textOf({ body, decoded }: Captured): string {
  return (body ?? decoded?.body_decoded)?.text ?? assert.fail('no body')
}

/** What a call puts on the wire, without what differs from call to call. */
async function sentBy(call: Call): Promise<unknown> {
  let sent: unknown
  const ask = async (method: string, given: Readonly<Record<string, unknown>>, options: AskOptions): Promise<never> => {
    const { destination = null, pattern = null, matcher = null } = resolveAsk(options)
    sent = { method, arguments: given, destination, pattern, matcher }
    return {} as never
  }
  const asker: Asker = { ask, tell: ask }
  await call(new Control(asker, async () => undefined), options => new Inspect(asker, options ?? {}))
  return sent
}

describe('remote control as Celery’s client captured it', () => {
  for (const { path, vector } of vectors('celery-').filter(({ path }) => path.includes('/pidbox/'))) {
    const name = path.split('/').at(-1)?.replace('.json', '') ?? ''
    const [request] = vector.requests
    const { ticket: _, reply_to: _replyTo, ...body } = JSON.parse(textOf(request))

    it(`${path}: our client sends the same`, async () => {
      const call = CALLS[name]
      assert.ok(call, `no call for ${name}`)
      assert.deepEqual(await sentBy(call), body)
    })

    it(`${path}: our worker takes it for a command that can be called, or says what Celery says`, () => {
      const command = findCommand(body.method)
      const replies: readonly Captured[] = vector.replies
      const [said] = replies.flatMap(reply => Object.values(parseJson(textOf(reply)) as Record<string, unknown>))
      const problem = command === undefined ? `KeyError('${body.method}')` : argumentProblem(command, body.arguments)
      if (problem === undefined) return assert.doesNotMatch(JSON.stringify(said ?? null), /TypeError|KeyError/)
      assert.match(JSON.stringify(said), command === undefined ? /KeyError/ : /TypeError/)
      assert.ok((said as { readonly error: string }).error.includes(problem))
    })
  }

  it('has the properties and headers of theirs', () => {
    const [{ vector } = assert.fail('no vector')] = vectors('celery-5.6.2/pidbox/amqp/ping.json')
    const [captured] = vector.requests
    const message = {
      headers: captured.headers,
      properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
      body: Buffer.from(captured.body.text),
    }
    const decoded = decodeControlRequest(message, CODEC)
    if (decoded.kind !== 'request') return assert.fail(decoded.detail)
    const sent = encodeControlRequest(decoded.request, CODEC)
    assert.deepEqual(Object.keys(sent.headers), Object.keys(captured.headers))
    assert.deepEqual(JSON.parse(Buffer.from(sent.body).toString()), JSON.parse(captured.body.text))
    const { contentType, contentEncoding, deliveryMode, priority } = sent.properties
    assert.deepEqual(
      { content_type: contentType, content_encoding: contentEncoding, delivery_mode: deliveryMode, priority },
      captured.properties,
    )
  })
})
