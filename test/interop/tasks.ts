import type { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { Ignore, Reject, SoftTimeLimitExceeded, TaskError } from '../../src/app/errors.js'
import { setOptions } from '../../src/app/set-options.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { signature } from '../../src/canvas/typed-signature.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from '../../src/protocol/values.js'

/** Where some tasks leave a trace that both languages see. */
export interface Traces {
  rpush(key: string, value: string): Promise<unknown>
  incr(key: string): Promise<number>
}

type Numeric = number | bigint
type Nested = Numeric | readonly Nested[]

/** An error class of this module. */
export class PaymentError extends Error {
  override readonly name = 'PaymentError'
}

/** The counterparts of python/pyapp.py: the same names, arguments and outcomes. */
export function registerInteropTasks(app: App, traces: Traces): void {
  plain(app)
  failing(app)
  retrying(app)
  showing(app)
  tracing(app, traces)
  limited(app)
  replaced(app)
}

function plain(app: App): void {
  app.task('interop.add', (x: Numeric, y: Numeric, z: Numeric = 0) => plus(plus(x, y), z), { params: ['x', 'y', 'z'] })
  app.task('interop.mul', (x: number, y: number) => x * y, { params: ['x', 'y'] })
  app.task('interop.xsum', (numbers: Nested) => sum(numbers), { params: ['numbers'] })
  app.task('interop.identity', (x: unknown) => x, { params: ['x'] })
  app.task('interop.echo', () => ({ args: currentTask().args, kwargs: currentTask().kwargs }))
  app.task('interop.noop', () => null)
  app.task('interop.paced', () => Date.now(), { rateLimit: '2/s' })
  app.task('interop.sleep_for', async (seconds: number, value: unknown = null) => {
    await currentTask().clock.sleep(seconds * 1000)
    return value
  })
  app.task('interop.large', (size: number, fill = 'x') => fill.repeat(size / fill.length + 1).slice(0, size))
  app.task('interop.length', (data: string | readonly unknown[]) => data.length)
  app.task('interop.typename', (x: unknown) => Object.prototype.toString.call(x).slice(8, -1))
  app.task('interop.b64', (data: Uint8Array) => Buffer.from(data).toString('base64'))
  app.task('interop.special', (kind: keyof typeof SPECIAL) => SPECIAL[kind])
}

function replaced(app: App): void {
  const add = (x: number, y: number) => signature<readonly [], number>('interop.add', [x, y], false)
  app.task('interop.replace_add', (x: number, y: number) => {
    throw currentTask().replace(add(x, y))
  })
  app.task('interop.replace_chain', (x: number) => {
    throw currentTask().replace(chain(add(x, 1), signature<readonly [number], number>('interop.mul', [10], false)))
  })
  app.task('interop.replace_group', (numbers: readonly number[], y: number) => {
    throw currentTask().replace(group(...numbers.map(n => add(n, y))))
  })
  app.task('interop.replace_chord', (numbers: readonly number[], y: number) => {
    const body = signature<readonly [readonly number[]], number>('interop.xsum', [], false)
    throw currentTask().replace(
      chord(
        numbers.map(n => add(n, y)),
        body,
      ),
    )
  })
  app.task('interop.replace_nested', (depth: number) => {
    if (depth <= 0) return 'bottom'
    throw currentTask().replace(signature('interop.replace_nested', [depth - 1], false))
  })
  app.task('interop.add_to_chord', async (numbers: readonly number[], y: number) => {
    for (const n of numbers) await currentTask().addToChord(add(n, y))
    return 0
  })
  app.task('interop.redirect', (name: string, args: readonly unknown[] = [], queue?: string) => {
    const other = signature(name, args, false)
    throw currentTask().replace(queue === undefined ? other : setOptions(other, { queue }))
  })
}

/** Results that need more than JSON. */
const SPECIAL = {
  datetime: new Date('2024-02-29T12:34:56.789Z'),
  naive: new NaiveDateTime('2024-02-29T12:34:56'),
  date: new PlainDate('2024-02-29'),
  time: new PlainTime('12:34:56'),
  uuid: new Uuid('12345678-1234-5678-1234-567812345678'),
  decimal: new Decimal('3.14159265358979323846'),
  bytes: Uint8Array.of(0, 255, 254, 65),
  bigint: 2n ** 70n,
  float: 0.1 + 0.2,
  unicode: 'žluťoučký kůň 🐎 \u0000 \u2028',
} as const

function failing(app: App): void {
  app.task('interop.fail', (message = 'deliberate') => {
    throw new RangeError(message)
  })
  app.task('interop.fail_custom', (message = 'custom', code = 42, detail: unknown = null) => {
    throw customError(message, code, detail)
  })
  app.task('interop.fail_nested', () => {
    throw Object.assign(customError('wrapped', 7, { a: [1, 2] }), { cause: new TypeError('outer') })
  })
  app.task('interop.fail_own', (message: string) => {
    throw new PaymentError(message)
  })
  // Ends its process, which is the worker itself unless that has children.
  app.task('interop.crash', () => process.exit(7))
  app.task('interop.fail_unserializable', () => ({ f: () => 1 }))
  app.task('interop.fail_odd_args', () => {
    throw new TaskError({ type: 'RuntimeError', args: [() => 1, Symbol('x'), 1n], module: 'builtins' })
  })
  const reject = (requeue = false): never => {
    throw new Reject('rejected on purpose', { requeue })
  }
  app.task('interop.reject', reject, { acksLate: true })
  app.task('interop.ignore', async () => {
    await currentTask().updateState('IGNORED_BY_TASK', { why: 'test' })
    throw new Ignore()
  })
}

/** Stored like the class of pyapp.py, so that a Python reader raises that very class. */
function customError(message: string, code: unknown, detail: unknown): TaskError {
  return new TaskError({ type: 'CustomError', args: [message, code, detail], module: 'pyapp' })
}

function retrying(app: App): void {
  const quick = { defaultRetryDelay: 0 }
  const once = (value: unknown = null, countdown = 0.1): unknown => {
    if (currentTask().retries === 0) throw currentTask().retry({ countdown })
    return { retries: currentTask().retries, value }
  }
  app.task('interop.retry_once', once, { ...quick, maxRetries: 1, params: ['value', 'countdown'] })
  const nTimes = (n: number, countdown = 0.1, failAfter = false): number => {
    const { retries } = currentTask()
    const error = new RangeError(`try ${retries}`)
    if (retries < n) throw currentTask().retry({ error, countdown, maxRetries: n })
    if (failAfter) throw new RangeError(`gave up after ${n}`)
    return retries
  }
  app.task('interop.retry_n_times', nTimes, { ...quick, params: ['n', 'countdown', 'fail_after'] })
  const forever = (countdown = 0.1): never => {
    throw currentTask().retry({ error: customError('still failing', currentTask().retries, null), countdown })
  }
  app.task('interop.retry_forever', forever, { ...quick, maxRetries: 2 })
  const auto = (succeedOn = 2): number => {
    if (currentTask().retries < succeedOn) throw new RangeError(`attempt ${currentTask().retries}`)
    return currentTask().retries
  }
  app.task('interop.autoretry', auto, { autoretryFor: [RangeError], maxRetries: 2, defaultRetryDelay: 0.3 })
}

function showing(app: App): void {
  app.task('interop.ids', () => {
    const { id, rootId, parentId = null, group = null, args } = currentTask()
    return { id, root_id: rootId, parent_id: parentId, group, args }
  })
  app.task('interop.request', () => shownRequest())
  const chainIds = (previous: readonly unknown[] | null = null, tag: unknown = null): unknown => {
    const { id, parentId = null, rootId } = currentTask()
    return [...(previous ?? []), [tag, id, parentId, rootId]]
  }
  app.task('interop.chain_ids', chainIds, { params: ['previous', 'tag'] })
  app.task('interop.spawn', async (name: string, args: readonly unknown[] = [], queue?: string) => {
    const { id } = await app.sendTask(name, args, queue === undefined ? {} : { queue })
    return id
  })
  app.task('interop.hold_state', async (state: string, meta: unknown, seconds: number) => {
    await currentTask().updateState(state, meta)
    await currentTask().clock.sleep(seconds * 1000)
    return state
  })
}

function shownRequest(): Readonly<Record<string, unknown>> {
  const task = currentTask()
  const { exchange, routingKey, priority, redelivered } = task.deliveryInfo
  return {
    id: task.id,
    task: task.task,
    root_id: task.rootId,
    parent_id: task.parentId ?? null,
    group: task.group ?? null,
    group_index: task.groupIndex ?? null,
    args: task.args,
    kwargs: task.kwargs,
    retries: task.retries,
    eta: task.eta === undefined ? null : new Date(task.eta).toISOString(),
    expires: task.expires === undefined ? null : new Date(task.expires).toISOString(),
    timelimit: [task.timeLimit, task.softTimeLimit].map(ms => (ms === undefined ? null : ms / 1000)),
    delivery_info: { exchange, routing_key: routingKey, priority: priority ?? null, redelivered },
    headers: task.headers,
    reply_to: task.replyTo ?? null,
    correlation_id: task.correlationId ?? null,
    origin: task.origin ?? null,
    hostname: task.hostname,
    shadow: task.shadow ?? null,
    stamped_headers: task.stampedHeaders ?? null,
    stamps: task.stamps,
  }
}

function tracing(app: App, traces: Traces): void {
  const append = async (value: unknown, key = 'interop:list'): Promise<unknown> => {
    await traces.rpush(key, typeof value === 'string' ? value : JSON.stringify(value))
    return value
  }
  app.task('interop.redis_append', append, { params: ['value', 'key'] })
  // Known to this language alone: as an errback it is published by Python, not called there.
  app.task('interop.ts_append', append, { params: ['value', 'key'] })
  app.task('interop.redis_incr', (key = 'interop:count') => traces.incr(key), { params: ['key'] })
  const sleepLate = async (seconds: number, key?: string | null): Promise<number | null> => {
    const deliveries = key === undefined || key === null ? null : await traces.incr(key)
    await currentTask().clock.sleep(seconds * 1000)
    return deliveries
  }
  app.task('interop.sleep_late', sleepLate, { acksLate: true, rejectOnWorkerLost: true, params: ['seconds', 'key'] })
  app.task('interop.errback_id', async (id: string) => {
    await traces.rpush('interop:errback', JSON.stringify({ style: 'id', id }))
  })
  const full = async (request: Failed, error: Thrown, traceback: string | undefined, key = 'interop:errback') => {
    const seen = { style: 'full', id: request.id, exc_type: error.type, traceback: traceback !== undefined }
    await traces.rpush(key, JSON.stringify(seen))
  }
  app.task('interop.errback_full', full, { errback: 'inline', params: ['request', 'exc', 'traceback', 'key'] })
  const ignored = async (x: unknown): Promise<unknown> => {
    await traces.rpush('interop:ignored', JSON.stringify(x))
    return x
  }
  app.task('interop.ignored_result', ignored, { ignoreResult: true })
}

interface Failed {
  readonly id: string
}

interface Thrown {
  readonly type: string
}

function limited(app: App): void {
  const soft = async (seconds: number): Promise<string> => {
    const { clock, signal } = currentTask()
    try {
      await clock.sleep(seconds * 1000, signal)
      return 'slept'
    } catch (error) {
      if (error instanceof SoftTimeLimitExceeded) return 'soft limit'
      throw error
    }
  }
  app.task('interop.soft_limited', soft, { softTimeLimit: 1, timeLimit: 10 })
  const hard = async (seconds: number): Promise<string> => {
    await currentTask().clock.sleep(seconds * 1000, currentTask().signal)
    return 'slept'
  }
  app.task('interop.hard_limited', hard, { timeLimit: 1 })
}

function plus(x: Numeric, y: Numeric): Numeric {
  return typeof x === 'number' && typeof y === 'number' ? x + y : BigInt(x) + BigInt(y)
}

function sum(numbers: Nested): Numeric {
  if (!Array.isArray(numbers)) return numbers as Numeric
  return (numbers as readonly Nested[]).reduce<Numeric>((total, each) => plus(total, sum(each)), 0)
}
