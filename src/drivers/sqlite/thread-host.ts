import { Worker } from 'node:worker_threads'
import { deferred } from '../../lib/deferred.js'
import type { LovageError } from '../../lib/errors.js'
import type { Ms } from '../../lib/time.js'
import { SqliteError } from '../errors.js'
import { kernelMonotonic } from '../kernel-clock.js'
import type { CallOptions, HostEnd, SqliteHost, ThreadHostOptions } from './host.js'
import type { Answer, Argument, OperationName, Operations } from './operations.js'
import { PendingCalls } from './pending-calls.js'
import { errorFromWire, type FromThread, type ThreadData, type ToThread } from './thread-messages.js'

/** How long a close may take before the thread is ended by force; a commit in it is done or undone by SQLite. */
const CLOSE_MS = 10_000

/** Opens the file on a worker thread. Rejects with `ConfigError`, `SqliteError` or `SqliteDamagedError`. */
export function openThreadHost<Config, Ops extends Operations>(
  options: ThreadHostOptions<Config>,
): Promise<SqliteHost<Ops>> {
  return new ThreadHost<Ops>(options).ready
}

/**
 * Modes: opening → open → closing → ended. `ready` settles at the end of opening, `closed` at the end. The thread is
 * referenced (keeps the process alive) while opening, closing, with calls pending, or as `keepAlive` says.
 */
class ThreadHost<Ops extends Operations> implements SqliteHost<Ops> {
  readonly ready: Promise<this>
  readonly closed: Promise<HostEnd>
  readonly #opened = deferred<this>()
  readonly #ended = deferred<HostEnd>()
  readonly #exited = deferred()
  readonly #thread: Worker
  readonly #pending: PendingCalls
  readonly #onEvent: ((event: unknown) => void) | undefined
  #over = false
  #busy = true
  #keepAlive = false
  #closing: Promise<void> | undefined

  constructor(options: ThreadHostOptions<unknown>) {
    const { module, onEvent, ...rest } = options
    this.ready = this.#opened.promise
    this.closed = this.#ended.promise
    this.#onEvent = onEvent
    const workerData: ThreadData = { module: module.href, options: rest }
    this.#thread = new Worker(new URL('./thread.js', import.meta.url), {
      name: 'lovage-sqlite',
      workerData,
      execArgv: [],
    })
    this.#pending = new PendingCalls(questions => this.#send({ kind: 'run', questions }))
    this.#thread.on('message', (message: FromThread) => this.#hear(message))
    this.#thread.on('error', cause => this.#died(cause))
    this.#thread.on('exit', () => {
      this.#exited.resolve()
      this.#died(undefined)
    })
  }

  call<Name extends OperationName<Ops>>(
    name: Name,
    args: Argument<Ops, Name>,
    options: CallOptions = {},
  ): Promise<Answer<Ops, Name>> {
    const answer = this.#pending.ask(name, args, options.urgent)
    this.#hold()
    // The thread runs the operation of that name, whose answer type this is.
    return answer as Promise<Answer<Ops, Name>>
  }

  monotonic(): Ms {
    return kernelMonotonic()
  }

  keepAlive(on: boolean): void {
    this.#keepAlive = on
    this.#hold()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#pending.drain(new SqliteError('THREAD', 'The SQLite file was closed by this process.'))
    if (this.#over) return
    this.#busy = true
    this.#hold()
    this.#send({ kind: 'close' })
    const force = setTimeout(() => void this.#thread.terminate(), CLOSE_MS)
    await this.closed
    // The binding lets go of the file's descriptors when its thread is gone, not before.
    await this.#exited.promise
    clearTimeout(force)
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#busy = false
        this.#opened.resolve(this)
        this.#hold()
        break
      case 'failed':
        this.#fail(errorFromWire(message.error))
        break
      case 'answers':
        this.#pending.answered(message.values, new Map(message.errors.map(([at, error]) => [at, errorFromWire(error)])))
        this.#hold()
        break
      case 'event':
        this.#onEvent?.(message.event)
        break
      case 'lost':
        this.#fail(errorFromWire(message.error))
        break
      case 'closed':
        this.#end({ kind: 'closed' })
        break
      default:
        message satisfies never
    }
  }

  #fail(error: LovageError): void {
    this.#end({ kind: 'lost', error })
    void this.#thread.terminate()
  }

  #died(cause: unknown): void {
    if (this.#over) return
    if (this.#closing !== undefined && cause === undefined) {
      this.#end({ kind: 'closed' })
      return
    }
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    this.#end({
      kind: 'lost',
      error: new SqliteError('THREAD', `The thread of the SQLite file died${why}.`, { cause }),
    })
  }

  #end(end: HostEnd): void {
    if (this.#over) return
    this.#over = true
    const error = end.kind === 'lost' ? end.error : new SqliteError('THREAD', 'The SQLite file was closed.')
    this.#opened.reject(error)
    this.#pending.refuse(error)
    this.#ended.resolve(end)
  }

  #send(message: ToThread): void {
    this.#thread.postMessage(message)
  }

  #hold(): void {
    if (this.#busy || this.#keepAlive || this.#pending.size > 0) this.#thread.ref()
    else this.#thread.unref()
  }
}
