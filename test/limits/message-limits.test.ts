import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import type { App } from '../../src/app/app.js'
import type { CallOptions } from '../../src/app/call-options.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { LovageError } from '../../src/lib/errors.js'
import type { DeadLetterReason, DeadLetterRecord } from '../../src/protocol/dead-letter.js'
import type { Headers, Message } from '../../src/protocol/message.js'
import type { Signature } from '../../src/protocol/signature.js'
import { signatureOf } from '../support/requests.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

/*
 * Limits of a message, at, below and above: on the way out through an app that publishes, on the way in through a worker
 * that finds the message in its queue. On the way out the error names limit and size; on the way in the message lies
 * among the dead letters, and its neighbour runs.
 */

const YEARS = 3650 * 86_400_000

const EMBED = { callbacks: null, errbacks: null, chain: null, chord: null }

/** What a body has around one text. */
const AROUND = JSON.stringify([[''], {}, EMBED]).length

/** Headers that every message of ours has. */
const OWN_HEADERS = 19

/** An app that can publish and work; whatever is named here is small enough to reach. */
const SMALL: SettingsInput = {
  limitMessageBytes: 4000,
  limitBodyBytes: 6000,
  limitDepth: 20,
  limitValues: 300,
  limitHeaders: 40,
  limitHeaderBytes: 3000,
  taskIgnoreResult: true,
  resultBackend: 'disabled://',
}

function define(app: App): void {
  app.task('t', () => 1)
}

interface Sent {
  readonly args?: readonly unknown[]
  readonly options?: CallOptions
}

const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}
const text = (length: number): string => 'x'.repeat(length)
const fields = (count: number): Headers => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, i]))
const links = (count: number): readonly Signature[] => Array.from({ length: count }, () => signatureOf('n'))
const linkedDeep = (levels: number): Signature => {
  let signature = signatureOf('n')
  for (let level = 1; level < levels; level++) signature = signatureOf('n', { link: [signature] })
  return signature
}

/** For each limit, what fits when its measure is at the limit; one more does not. */
const OUT: readonly {
  readonly limit: string
  /** The largest that goes; found by the rule, not by trying. */
  readonly most: number
  readonly send: (size: number) => Sent
  /** Names limit or size. */
  readonly error: RegExp
}[] = [
  {
    limit: 'L01 bytes of a message',
    most: 4000 - AROUND,
    send: size => ({ args: [text(size)] }),
    error: /4001 bytes.*4000/,
  },
  {
    limit: 'L02 bytes before compression',
    most: 6000 - AROUND,
    send: size => ({ args: [text(size)], options: { compression: 'gzip' } }),
    error: /6001 bytes.*6000/,
  },
  // The body and its args are two levels.
  { limit: 'L04 depth', most: 18, send: size => ({ args: [nested(size)] }), error: /args\[0\]/ },
  {
    limit: 'L05 headers',
    most: 40 - OWN_HEADERS,
    send: size => ({ options: { headers: fields(size) } }),
    error: /41 headers.*40.*L05/,
  },
  { limit: 'L06 task id', most: 255, send: size => ({ options: { taskId: text(size) } }), error: /256 bytes.*255/ },
  {
    limit: 'L07 signatures',
    most: 10_000,
    send: size => ({ options: { link: links(size) } }),
    error: /10000.*L07|10,000.*L07/,
  },
  {
    limit: 'L07 depth of signatures',
    most: 128,
    send: size => ({ options: { link: [linkedDeep(size)] } }),
    error: /128.*L07/,
  },
]

describe('on the way out', () => {
  for (const { limit, most, send, error } of OUT) {
    const settings = limit.startsWith('L07') ? {} : SMALL
    test(`${limit}: ${most - 1} and ${most} are sent, ${most + 1} are refused with limit and size`, async () => {
      await using rig = new Rig(runtime => new MemoryPlace(runtime), define, settings)
      const app = rig.app()
      const publish = (size: number): Promise<unknown> => {
        const { args = [], options = {} } = send(size)
        return rig.wait(app.sendTask('t', args, options))
      }
      await publish(most - 1)
      await publish(most)
      await assert.rejects(publish(most + 1), (problem: unknown) => {
        assert.ok(problem instanceof LovageError, String(problem))
        assert.match(problem.message, error)
        return true
      })
      const connection = await rig.connection()
      assert.equal((await rig.wait(connection.get('celery' as never, 10))).length, 2)
    })
  }

  for (const [limit, at, above] of [
    ['L08 countdown', { countdown: YEARS / 1000 - 1 }, { countdown: YEARS / 1000 + 1 }],
    ['L08 expires', { expires: YEARS / 1000 - 1 }, { expires: YEARS / 1000 + 1 }],
    ['L08 endless countdown', { countdown: 1 }, { countdown: Number.POSITIVE_INFINITY }],
  ] as const) {
    test(`${limit}: within ten years it is sent, beyond them refused`, async () => {
      await using rig = new Rig(runtime => new MemoryPlace(runtime), define, {})
      const app = rig.app()
      await rig.wait(app.sendTask('t', [], at))
      await assert.rejects(rig.wait(app.sendTask('t', [], above)), LovageError)
    })
  }
})

function message(headers: Headers, body: unknown = [[], {}, EMBED]): Message {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return {
    headers: { lang: 'py', task: 't', ...headers },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2 },
    body: bytes,
  }
}

function packed(headers: Headers, size: number, times = 1): Message {
  let body: Uint8Array = Buffer.from(JSON.stringify([[text(size)], {}, EMBED]))
  for (let time = 0; time < times; time++) body = deflateSync(body)
  return { ...message(times === 0 ? headers : { ...headers, compression: 'application/x-gzip' }), body }
}

const wire = { task: 'n', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }
const wireDeep = (levels: number): object => {
  let found: object = wire
  for (let level = 1; level < levels; level++) found = { ...wire, options: { link: [found] } }
  return found
}
const iso = (ms: number): string => new Date(ms).toISOString()

/** `most` as above; the message of one more dies for `reason`. */
const IN: readonly {
  readonly limit: string
  readonly most: number
  readonly make: (id: string, size: number) => Message
  readonly reason: DeadLetterReason
  readonly settings?: SettingsInput
}[] = [
  {
    limit: 'L01 bytes of a message',
    most: 4000 - AROUND,
    make: (id, size) => message({ id }, [[text(size)], {}, EMBED]),
    reason: 'too-large',
  },
  {
    limit: 'L02 bytes after decompression',
    most: 6000 - AROUND,
    make: (id, size) => packed({ id }, size),
    reason: 'too-large',
  },
  { limit: 'L03 nested compressions', most: 1, make: (id, size) => packed({ id }, 10, size), reason: 'undecodable' },
  {
    limit: 'L04 depth',
    most: 18,
    make: (id, size) => message({ id }, [[nested(size)], {}, EMBED]),
    reason: 'malformed',
  },
  {
    limit: 'L04 values',
    // The body and its three parts, four members of the embed, and the list itself.
    most: 300 - 9,
    make: (id, size) => message({ id }, [[Array(size).fill(0)], {}, EMBED]),
    reason: 'too-large',
  },
  { limit: 'L05 headers', most: 40 - 3, make: (id, size) => message({ id, ...fields(size) }), reason: 'too-large' },
  {
    limit: 'L05 depth of headers',
    most: 20 - 1,
    make: (id, size) => message({ id, x: nested(size) }),
    reason: 'too-large',
  },
  { limit: 'L06 task name', most: 255, make: (id, size) => message({ id, task: text(size) }), reason: 'malformed' },
  {
    limit: 'L07 signatures',
    most: 10_000,
    make: (id, size) => message({ id }, [[], {}, { ...EMBED, callbacks: Array(size).fill(wire) }]),
    reason: 'malformed',
    settings: {},
  },
  {
    limit: 'L07 depth of signatures',
    most: 128,
    make: (id, size) => message({ id }, [[], {}, { ...EMBED, callbacks: [wireDeep(size)] }]),
    reason: 'malformed',
    settings: {},
  },
  {
    limit: 'L09 retries',
    most: 2 ** 31 - 1,
    make: (id, size) => message({ id, retries: size }),
    reason: 'malformed',
  },
  {
    limit: 'M15 digits of an integer',
    most: 4300,
    make: (id, size) => message({ id }, `[[${'9'.repeat(size)}], {}, {}]`),
    reason: 'malformed',
    settings: {},
  },
]

describe('on the way in', () => {
  for (const { limit, most, make, reason, settings = SMALL } of IN) {
    test(`${limit}: ${most - 1} and ${most} run, ${most + 1} is a dead letter, ${reason}`, async () => {
      const isName = limit.includes('task name')
      const all = { ...settings, unknownTask: 'reject' } as const
      await using rig = new Rig(
        runtime => new MemoryPlace(runtime),
        app => defineNames(app, isName),
        all,
      )
      for (const [id, size] of [
        ['below', most - 1],
        ['at', most],
        ['above', most + 1],
        ['last', most],
      ] as const) {
        await rig.publish(make(id, size), id)
      }
      await rig.worker()
      await rig.pass(5000)
      const dead = await rig.dead()
      assert.deepEqual(
        dead.filter(isOurs).map(({ message, record }) => [message.headers['id'], record.reason]),
        [['above', reason]],
      )
      // Three ran: what is dead did not stop the worker.
      const done = ['below', 'at', 'last', 'above'].filter(id => rig.types(id).includes('task-succeeded'))
      assert.deepEqual(done, ['below', 'at', 'last'])
    })
  }

  test('L08 eta and expires: within ten years they are kept, beyond them a dead letter', async () => {
    await using rig = new Rig(runtime => new MemoryPlace(runtime), define, SMALL)
    const now = rig.runtime.clock.now()
    await rig.publish(message({ id: 'at', expires: iso(now + YEARS - 60_000) }), 'at')
    await rig.publish(message({ id: 'eta-above', eta: iso(now + YEARS + 60_000) }), 'eta-above')
    await rig.publish(message({ id: 'expires-above', expires: iso(now + YEARS + 60_000) }), 'expires-above')
    await rig.worker()
    await rig.pass(5000)
    const dead = await rig.dead()
    assert.deepEqual(dead.map(({ message, record }) => [message.headers['id'], record.reason]).sort(), [
      ['eta-above', 'malformed'],
      ['expires-above', 'malformed'],
    ])
    assert.ok(rig.types('at').includes('task-succeeded'))
  })
})

/** Callbacks of tasks that ran are tasks that nobody knows. */
function isOurs({ record }: { readonly record: DeadLetterRecord }): boolean {
  return record.reason !== 'unknown-task'
}

/** Long names are tasks as well. */
function defineNames(app: App, longNames: boolean): void {
  define(app)
  if (longNames) for (const size of [254, 255]) app.task(text(size), () => 1)
}
