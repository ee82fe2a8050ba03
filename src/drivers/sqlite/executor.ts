import { LovageError } from '../../lib/errors.js'
import type { Clock, Random } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { SqliteDamagedError, SqliteError } from '../errors.js'
import { Database } from './database.js'
import type { HostOptions } from './host.js'
import { LockWait } from './lock-wait.js'
import type { Chore, Operation, Operations, OperationsContext, OperationsFactory } from './operations.js'
import type { Processes } from './processes.js'
import {
  existingFile,
  type FileIdentity,
  identityOf,
  isStill,
  prepareFile,
  setAside,
  wakePath,
  walPath,
} from './sqlite-file.js'
import { WakeSignal } from './wake-signal.js'

/** One operation that somebody asked for. */
export interface Question {
  readonly name: string
  readonly args: unknown
}

export type Reply =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: unknown }

export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly processes: Processes
  monotonic(): Ms
  /** Sleepers are woken through a watched file, too; otherwise by polling alone. */
  readonly watchFile: boolean
  emit(event: unknown): void
  /** The file cannot be worked with any more; called once. */
  lost(error: LovageError): void
}

type TransactionKind = 'reading' | 'passing' | 'writing'

/** A batch that meets another process's lock is tried this often in all, each time for the busy timeout. */
const BUSY_TRIES = 4

/** What a timer was to do is tried again after this when the file refused it. */
const REFUSED_PAUSE: Ms = 1000

/** Switching a new file to WAL meets locks that SQLite's own busy timeout does not wait for. */
const OPEN_LIMIT: Ms = 2000

/** Runs batches of operations over one file, and their chores between. Synchronous; both hosts drive it. */
export class Executor {
  readonly #path: string
  readonly #world: World
  readonly #clock: Clock
  readonly #guest: boolean
  readonly #identity: FileIdentity
  /** The write-ahead log's; undefined when there was none. */
  readonly #log: FileIdentity | undefined
  readonly #db: Database
  readonly #wake: WakeSignal
  readonly #operations: Operations
  readonly #chores = new Map<Chore, Disposable>()
  /** What the file refused and a timer will do again. */
  readonly #refused = new Set<() => void>()
  #committed: (() => void)[] = []
  #ended = false

  /** Opens the file. Throws `ConfigError`, `SqliteError`, `SqliteDamagedError`, or what the factory throws. */
  constructor(factory: OperationsFactory<never, Operations>, options: HostOptions<unknown>, world: World) {
    this.#path = options.path
    this.#world = world
    const { clock } = world
    this.#clock = {
      now: () => clock.now(),
      steady: () => clock.steady(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      timer: (ms, ring) => this.#timer(ms, ring),
    }
    this.#guest = options.guest ?? false
    const opened = this.#opening(undefined, () => this.#openFile(options))
    this.#identity = opened.identity
    this.#db = opened.db
    const signalPath = world.watchFile ? wakePath(options.path, options.wakeName ?? 'wake') : undefined
    this.#wake = new WakeSignal(opened.db, this.#clock, signalPath)
    try {
      // The factory's own config type is known to the host's caller only.
      this.#operations = this.#opening(opened.identity, () =>
        factory(opened.db, this.#context(), options.config as never),
      )
    } catch (error) {
      this.#wake.close()
      opened.db.close()
      throw error
    }
    this.#log = identityOf(walPath(options.path))
    for (const chore of this.#operations.chores ?? []) this.#arm(chore)
  }

  /** Answers stand in the order of the questions. Never throws. */
  run(questions: readonly Question[]): readonly Reply[] {
    const together = this.#attempt(questions)
    if (together.kind === 'done') return together.replies
    if (questions.length === 1) return [{ kind: 'error', error: together.error }]
    return questions.map(question => this.#alone(question))
  }

  /** Runs the operations' `close` and closes the file. Never throws; twice is fine. */
  close(): void {
    if (this.#ended) return
    try {
      this.#transact('writing', () => this.#operations.close?.())
    } catch {
      // Whatever the last transaction was to hand back, the sweep of others returns.
    }
    this.#end()
  }

  #openFile(options: HostOptions<unknown>): { readonly identity: FileIdentity; readonly db: Database } {
    const { durability, busyTimeoutMs, guest = false, allowNetworkFilesystem = false } = options
    const identity = guest ? existingFile(options.path) : prepareFile(options.path, { allowNetworkFilesystem })
    const settings = { durability, guest, ...(busyTimeoutMs !== undefined && { busyTimeoutMs }) }
    return { identity, db: new LockWait(OPEN_LIMIT).patiently(() => new Database(options.path, settings)) }
  }

  /** Damage that shows while opening puts the file aside (D3d). */
  #opening<T>(identity: FileIdentity | undefined, act: () => T): T {
    try {
      return act()
    } catch (error) {
      if (!(error instanceof SqliteError) || !error.damaged || this.#guest) throw error
      const aside = setAside(this.#path, identity, this.#world.clock.now())
      throw new SqliteDamagedError(this.#path, aside, { cause: error })
    }
  }

  #alone(question: Question): Reply {
    const tried = this.#attempt([question])
    if (tried.kind === 'failed') return { kind: 'error', error: tried.error }
    return tried.replies[0] as Reply
  }

  #attempt(
    questions: readonly Question[],
  ):
    | { readonly kind: 'done'; readonly replies: readonly Reply[] }
    | { readonly kind: 'failed'; readonly error: unknown } {
    const kind = this.#kindOf(questions)
    for (let tries = 1; ; tries++) {
      try {
        return {
          kind: 'done',
          replies: this.#transact(kind, () => questions.map(question => this.#answer(question))),
        }
      } catch (error) {
        if (tries < BUSY_TRIES && error instanceof SqliteError && error.sqlite === 'BUSY') continue
        this.#judge(error)
        return { kind: 'failed', error }
      }
    }
  }

  #kindOf(questions: readonly Question[]): TransactionKind {
    const { reads, passing } = this.#operations
    const writes = questions.filter(({ name }) => reads[name] === undefined)
    if (writes.length === 0) return 'reading'
    return writes.every(({ name }) => passing?.has(name)) ? 'passing' : 'writing'
  }

  #answer(question: Question): Reply {
    const operation = this.#operations.reads[question.name] ?? this.#operations.writes[question.name]
    if (operation === undefined) throw new LovageError('LVG_SQLITE_ERROR', `No operation is called ${question.name}.`)
    // The host's `call` has typed name and argument together.
    return { kind: 'value', value: (operation as Operation as (args: unknown) => unknown)(question.args) }
  }

  #transact<T>(kind: TransactionKind, work: () => T): T {
    this.#committed = []
    let value: T
    try {
      value = this.#within(kind, work)
    } catch (error) {
      this.#committed = []
      this.#operations.rolledBack?.(error)
      throw error
    }
    // A commit into a file that nobody will open again has saved nothing.
    if (kind !== 'reading') this.#mustBeInPlace()
    this.#runCommitted()
    return value
  }

  #within<T>(kind: TransactionKind, work: () => T): T {
    switch (kind) {
      case 'reading':
        return this.#db.snapshot(work)
      case 'passing':
        return this.#db.transaction(work, 'os')
      case 'writing':
        return this.#db.transaction(work)
      default:
        return kind satisfies never
    }
  }

  #runCommitted(): void {
    const acts = this.#committed
    this.#committed = []
    for (const act of acts) act()
  }

  /**
   * The log, too: it is found by its name, so that of a file that was moved away serves the new one in its place, until the last of
   * the old connections takes it away from under the new. From then on others would write a log that is not ours.
   */
  #inPlace(): boolean {
    if (!isStill(this.#path, this.#identity)) return false
    return this.#log === undefined || isStill(walPath(this.#path), this.#log)
  }

  #mustBeInPlace(): void {
    if (!this.#inPlace()) throw this.#misplaced()
  }

  /** Ends the session when the error says that the file cannot be used any more. */
  #judge(error: unknown): void {
    if (this.#ended) return
    if (error instanceof SqliteError && error.damaged) this.#lose(error)
    else if (!this.#inPlace()) this.#lose(this.#misplaced(error))
  }

  #misplaced(cause?: unknown): SqliteError {
    return new SqliteError('GONE', `The file ${this.#path} was removed or replaced while it was in use.`, { cause })
  }

  #lose(error: LovageError): void {
    this.#end()
    this.#world.lost(error)
  }

  #end(): void {
    this.#ended = true
    for (const timer of this.#chores.values()) timer[Symbol.dispose]()
    this.#chores.clear()
    this.#wake.close()
    try {
      this.#db.close()
    } catch {
      // Closing a broken connection may fail; there is nothing left to save by it.
    }
  }

  #arm(chore: Chore): void {
    const swing = (this.#world.random.next() * 2 - 1) * chore.jitter
    this.#chores.set(
      chore,
      this.#world.clock.timer(chore.everyMs * (1 + swing), () => this.#turn(chore)),
    )
  }

  #turn(chore: Chore): void {
    if (this.#ended) return
    try {
      chore.run()
      this.#mustBeInPlace()
      this.#runCommitted()
    } catch (error) {
      this.#committed = []
      this.#operations.rolledBack?.(error)
      if (!(error instanceof SqliteError)) throw error
      this.#judge(error)
    }
    if (!this.#ended) this.#arm(chore)
  }

  #timer(ms: Ms, ring: () => void): Disposable {
    return this.#world.clock.timer(ms, () => this.#safely(ring))
  }

  /**
   * What nobody asked for has nobody to tell of its error. A file that cannot be used now is asked again; any other error
   * of the file ends the session, as what it is.
   */
  #safely(act: () => void): void {
    if (this.#ended) return
    try {
      act()
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error
      this.#judge(error)
      if (this.#ended) return
      if (error.unwritable || error.sqlite === 'BUSY') this.#again(act)
      else this.#lose(error)
    }
  }

  #again(act: () => void): void {
    if (this.#refused.has(act)) return
    this.#refused.add(act)
    this.#world.clock.timer(REFUSED_PAUSE, () => {
      this.#refused.delete(act)
      this.#safely(act)
    })
  }

  #context(): OperationsContext {
    const { random, processes } = this.#world
    return {
      clock: this.#clock,
      random,
      processes,
      monotonic: () => this.#world.monotonic(),
      afterCommit: act => void this.#committed.push(act),
      emit: event => this.#world.emit(event),
      touch: () => this.#wake.touch(),
      watch: hint => this.#wake.watch(() => this.#safely(hint)),
    }
  }
}
