import type { Address } from '../brokers/broker.js'
import { deferred } from '../lib/deferred.js'
import type { Clock, Log, Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'

/*
 * Behaviour around publishing and executing, and observing, added by `app.use(extension)`.
 *
 * Hooks nest: the extension used first is outermost. Each calls `next` once. An extension's own error never stops the
 * task it watches: it is logged with the extension's name, and the call goes on as if the extension were not there. Nor
 * does one that hangs: a publish hook has the time of the publish, an execute hook the task's time limit before the
 * handler, and half a minute after it (H49).
 */
export interface Extension {
  readonly name: string
  /** Around publishing by clients. May hand on another message, for example with headers added; it goes to the same place. */
  publish?(message: Message, next: (message: Message) => Promise<void>, to: Address): Promise<void>
  /** Around the handler, in the place where it runs. Sees value or error of `next`, cannot change either. */
  execute?(request: TaskRequest, next: () => Promise<unknown>): Promise<unknown>
  /** Told what happens to tasks in a worker, and to the worker itself. */
  observe?(event: ObservedEvent): void
  /** What a worker answers at `/metrics` of its health address. */
  metrics?(): Promise<MetricsPage>
}

export interface MetricsPage {
  /** Content type. */
  readonly type: string
  readonly body: string
}

/** A worker event: Celery's event types with our field names. */
export interface ObservedEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

type HookRuntime = Pick<Runtime, 'log'> & { readonly clock: Pick<Clock, 'timer'> }

/** How long hooks are waited for. */
interface Patience {
  /** Until it goes on; undefined = as long as it takes. */
  readonly before: { readonly ms: Ms; readonly error: (extension: string) => Error } | undefined
  /** Until it ends, when what it surrounds has ended. */
  readonly after: Ms
}

/** A hook may flush a trace or close a file behind the handler, and no more than that. */
const AFTER_EXECUTE: Ms = 30_000

/** Runs `publish` inside the extensions' publish hooks. `late` is the error when one has not gone on within `timeout`. */
export function aroundPublish(
  extensions: readonly Extension[],
  runtime: HookRuntime,
  message: Message,
  publish: (message: Message) => Promise<void>,
  { to, timeout, late }: { readonly to: Address; readonly timeout: Ms; readonly late: (extension: string) => Error },
): Promise<void> {
  const patience: Patience = { before: { ms: timeout, error: late }, after: timeout }
  let run = publish
  for (const extension of extensions.toReversed()) {
    const hook = extension.publish?.bind(extension)
    if (hook === undefined) continue
    run = guarded<Message, void>(extension.name, runtime, (value, next) => hook(value, next, to), run, patience)
  }
  return run(message)
}

/** Runs `execute` inside the extensions' execute hooks. */
export function aroundExecute(
  extensions: readonly Extension[],
  runtime: HookRuntime,
  request: TaskRequest,
  execute: () => Promise<unknown>,
): Promise<unknown> {
  const patience: Patience = { before: undefined, after: AFTER_EXECUTE }
  let run = execute
  for (const extension of extensions.toReversed()) {
    const hook = extension.execute?.bind(extension)
    if (hook === undefined) continue
    const inner = run
    const step = guarded<TaskRequest, unknown>(
      extension.name,
      runtime,
      (value, next) => hook(value, () => next(value)),
      inner,
      patience,
    )
    run = () => step(request)
  }
  return run()
}

/** Tells every extension. */
export function observeAll(extensions: readonly Extension[], log: Log, event: ObservedEvent): void {
  for (const extension of extensions) {
    try {
      extension.observe?.(event)
    } catch (error) {
      complain(log, extension.name, error)
    }
  }
}

type Hook<T, R> = (value: T, next: (value: T) => Promise<R>) => Promise<R>

function guarded<T, R>(
  name: string,
  { clock, log }: HookRuntime,
  hook: Hook<T, R>,
  inner: (value: T) => Promise<R>,
  { before, after }: Patience,
): (value: T) => Promise<R> {
  return async value => {
    let result: Promise<R> | undefined
    let tooLate: Error | undefined
    const begun = deferred<void>()
    const once = (given: T): Promise<R> => {
      if (tooLate !== undefined) return Promise.reject(tooLate)
      begun.resolve()
      result ??= inner(given)
      return result
    }
    const hooked = endOf(() => hook(value, once))
    if (result === undefined && before !== undefined) {
      if ((await within(before.ms, Promise.race([hooked, begun.promise]), clock)) === LATE) {
        tooLate = before.error(name)
        throw tooLate
      }
    } else if (result === undefined) await Promise.race([hooked, begun.promise])
    result ??= inner(value)
    const own = result
    await own.catch(() => undefined)
    const end = await within(after, hooked, clock)
    if (end === LATE) complain(log, name, new Error(`it has not ended ${after / 1000} s after what it surrounds`))
    // The inner error passing through the hook is not the extension's.
    else if (end.kind === 'threw' && !(await rejectsWith(own, end.error))) complain(log, name, end.error)
    return own
  }
}

type HookEnd = { readonly kind: 'returned' } | { readonly kind: 'threw'; readonly error: unknown }

async function endOf(hook: () => Promise<unknown>): Promise<HookEnd> {
  try {
    await hook()
    return { kind: 'returned' }
  } catch (error) {
    return { kind: 'threw', error }
  }
}

const LATE: unique symbol = Symbol('late')

async function within<T>(ms: Ms, promise: Promise<T>, clock: Pick<Clock, 'timer'>): Promise<T | typeof LATE> {
  const late = deferred<typeof LATE>()
  using _timer = clock.timer(ms, () => late.resolve(LATE))
  return await Promise.race([promise, late.promise])
}

async function rejectsWith(promise: Promise<unknown>, error: unknown): Promise<boolean> {
  try {
    await promise
    return false
  } catch (inner) {
    return inner === error
  }
}

function complain(log: Log, name: string, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  log.error(`Extension ${name} failed: ${text}`, { extension: name, error })
}
