import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { memoryLog } from '../lib/memory-log.js'
import type { Log } from '../lib/runtime.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'
import { aroundExecute, aroundPublish, type Extension, observeAll } from './extension.js'

const LIMIT = {
  to: { exchange: '', routingKey: 'q' },
  timeout: 1000,
  late: (name: string) => new Error(`${name} is late`),
}

/** Time passes when the test says so. */
class Timers {
  readonly #pending = new Map<object, readonly [ms: number, ring: () => void]>()

  get waiting(): readonly number[] {
    return [...this.#pending.values()].map(([ms]) => ms)
  }

  timer(ms: number, ring: () => void): Disposable {
    const key = {}
    this.#pending.set(key, [ms, ring])
    return { [Symbol.dispose]: () => void this.#pending.delete(key) }
  }

  ring(): void {
    for (const [, ring] of this.#pending.values()) ring()
  }
}

function hooks(log: Log = memoryLog().log, clock = new Timers()) {
  return { log, clock }
}

const message: Message = { headers: {}, properties: {}, body: new Uint8Array() }
// Extensions are handed the request; nothing here looks into it.
const request = { id: 'a' } as unknown as TaskRequest

function marking(name: string): Extension {
  return {
    name,
    publish: (given, next) =>
      next({ ...given, headers: { ...given.headers, [name]: Object.keys(given.headers).length } }),
  }
}

test('extensions nest: the first one used is outermost, each may hand on another message', async () => {
  const { log } = memoryLog()
  let sent: Message | undefined
  await aroundPublish(
    [marking('first'), marking('second')],
    hooks(log),
    message,
    async given => {
      sent = given
    },
    LIMIT,
  )
  assert.deepEqual(sent?.headers, { first: 0, second: 1 })
})

test('an extension that fails before the publish is left out', async () => {
  const { log, lines } = memoryLog()
  let sent = 0
  const broken: Extension = {
    name: 'broken',
    publish: async () => {
      throw new Error('no')
    },
  }
  await aroundPublish(
    [broken],
    hooks(log),
    message,
    async () => {
      sent++
    },
    LIMIT,
  )
  assert.equal(sent, 1)
  assert.match(lines[0]?.message ?? '', /Extension broken failed: no/)
})

test('an extension that fails after the publish changes nothing about it', async () => {
  const { log, lines } = memoryLog()
  let sent = 0
  const broken: Extension = {
    name: 'broken',
    publish: async (given, next) => {
      await next(given)
      throw new Error('late')
    },
  }
  await aroundPublish(
    [broken],
    hooks(log),
    message,
    async () => {
      sent++
    },
    LIMIT,
  )
  assert.equal(sent, 1)
  assert.equal(lines.length, 1)
})

test('an extension that forgets to go on does not stop the publish', async () => {
  let sent = 0
  await aroundPublish(
    [{ name: 'forgetful', publish: async () => undefined }],
    hooks(),
    message,
    async () => {
      sent++
    },
    LIMIT,
  )
  assert.equal(sent, 1)
})

test('an extension that goes on twice publishes once', async () => {
  let sent = 0
  const eager: Extension = {
    name: 'eager',
    publish: async (given, next) => {
      await next(given)
      await next(given)
    },
  }
  await aroundPublish(
    [eager],
    hooks(),
    message,
    async () => {
      sent++
    },
    LIMIT,
  )
  assert.equal(sent, 1)
})

test('the error of the publish itself passes through, and is not blamed on the extension', async () => {
  const { log, lines } = memoryLog()
  const refused = new Error('refused')
  const watching: Extension = { name: 'watching', publish: (given, next) => next(given) }
  await assert.rejects(
    aroundPublish([watching], hooks(log), message, () => Promise.reject(refused), LIMIT),
    refused,
  )
  assert.deepEqual(lines, [])
})

test('around a handler extensions see its value and its error, and change neither', async () => {
  const seen: unknown[] = []
  const watching: Extension = {
    name: 'watching',
    execute: async (given, next) => {
      seen.push(given.id)
      try {
        seen.push(await next())
      } catch (error) {
        seen.push(error)
      }
      return 'mine'
    },
  }
  const { log } = memoryLog()
  assert.equal(await aroundExecute([watching], hooks(log), request, async () => 'value'), 'value')
  const boom = new Error('boom')
  await assert.rejects(
    aroundExecute([watching], hooks(log), request, () => Promise.reject(boom)),
    boom,
  )
  assert.deepEqual(seen, ['a', 'value', 'a', boom])
})

test('an observer that throws is logged, the others are told all the same', () => {
  const { log, lines } = memoryLog()
  const told: string[] = []
  const observers: readonly Extension[] = [
    {
      name: 'broken',
      observe: () => {
        throw new Error('no')
      },
    },
    { name: 'sound', observe: event => told.push(event.type) },
  ]
  observeAll(observers, log, { type: 'task-started', fields: {} })
  assert.deepEqual(told, ['task-started'])
  assert.equal(lines.length, 1)
})

test('H49 a publish hook that does not go on ends the publish in time, and what it does later sends nothing', async () => {
  const runtime = hooks()
  let sent = 0
  let goOn = async (): Promise<void> => undefined
  const stuck: Extension = {
    name: 'stuck',
    publish: (given, next) => {
      goOn = () => next(given)
      return new Promise(() => undefined)
    },
  }
  const publish = aroundPublish([stuck], runtime, message, async () => void sent++, LIMIT)
  await turn()
  assert.deepEqual(runtime.clock.waiting, [LIMIT.timeout])
  runtime.clock.ring()
  await assert.rejects(publish, { message: 'stuck is late' })
  await assert.rejects(goOn(), { message: 'stuck is late' })
  assert.equal(sent, 0)
})

test('H49 a publish hook that hangs after the publish changes nothing about it', async () => {
  const { log, lines } = memoryLog()
  const runtime = hooks(log)
  const hanging: Extension = {
    name: 'hanging',
    publish: async (given, next) => {
      await next(given)
      await new Promise(() => undefined)
    },
  }
  const publish = aroundPublish([hanging], runtime, message, async () => undefined, LIMIT)
  await turn()
  runtime.clock.ring()
  await publish
  assert.match(lines[0]?.message ?? '', /Extension hanging failed: it has not ended 1 s after/)
})

test('H49 an execute hook may take its time before the handler, and half a minute behind it', async () => {
  const { log, lines } = memoryLog()
  const runtime = hooks(log)
  let open = (): void => undefined
  const slow: Extension = {
    name: 'slow',
    execute: async (_request, next) => {
      await new Promise<void>(resolve => {
        open = resolve
      })
      await next()
      await new Promise(() => undefined)
    },
  }
  const value = aroundExecute([slow], runtime, request, async () => 'value')
  await turn()
  assert.deepEqual(runtime.clock.waiting, [])
  open()
  await turn()
  assert.deepEqual(runtime.clock.waiting, [30_000])
  runtime.clock.ring()
  assert.equal(await value, 'value')
  assert.match(lines[0]?.message ?? '', /Extension slow failed/)
})
