import type { Log } from '../lib/runtime.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'

/*
 * Behaviour around publishing and executing, and observing, added by `app.use(extension)`.
 *
 * Hooks nest: the extension used first is outermost. Each calls `next` once. An extension's own error never stops the
 * task it watches: it is logged with the extension's name, and the call goes on as if the extension were not there.
 */
export interface Extension {
  readonly name: string
  /** Around publishing. May hand on another message, for example with headers added. */
  publish?(message: Message, next: (message: Message) => Promise<void>): Promise<void>
  /** Around the handler, in the place where it runs. Sees value or error of `next`, cannot change either. */
  execute?(request: TaskRequest, next: () => Promise<unknown>): Promise<unknown>
  /** Told what happens to tasks in a worker. */
  observe?(event: ObservedEvent): void
}

/** A worker event: Celery's event types with our field names. */
export interface ObservedEvent {
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Runs `publish` inside the extensions' publish hooks. */
export function aroundPublish(
  extensions: readonly Extension[],
  log: Log,
  message: Message,
  publish: (message: Message) => Promise<void>,
): Promise<void> {
  let run = publish
  for (const extension of extensions.toReversed()) {
    const hook = extension.publish?.bind(extension)
    if (hook !== undefined) run = guarded(extension.name, log, hook, run)
  }
  return run(message)
}

/** Runs `execute` inside the extensions' execute hooks. */
export function aroundExecute(
  extensions: readonly Extension[],
  log: Log,
  request: TaskRequest,
  execute: () => Promise<unknown>,
): Promise<unknown> {
  let run = execute
  for (const extension of extensions.toReversed()) {
    const hook = extension.execute?.bind(extension)
    if (hook === undefined) continue
    const inner = run
    const step = guarded<TaskRequest, unknown>(
      extension.name,
      log,
      (value, next) => hook(value, () => next(value)),
      inner,
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
  log: Log,
  hook: Hook<T, R>,
  inner: (value: T) => Promise<R>,
): (value: T) => Promise<R> {
  return async value => {
    let result: Promise<R> | undefined
    const once = (given: T): Promise<R> => (result ??= inner(given))
    try {
      await hook(value, once)
    } catch (error) {
      // The inner error passing through the hook is not the extension's: it is thrown below, by `result` itself.
      if (result === undefined || !(await rejectsWith(result, error))) complain(log, name, error)
    }
    return result ?? inner(value)
  }
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
