import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { isDict } from '../protocol/dict.js'
import { nameProblem, type TaskId } from '../protocol/ids.js'
import type { Stamps, StampValue } from './stamps.js'

/** Where a worker's state survives its process (drivers/whole-file.ts; in memory for tests). */
export interface TextStore {
  readonly path: string
  read(): Promise<string | undefined>
  write(text: string): Promise<void>
  /** Puts what is there aside under a name derived from this one. */
  setAside(name: string): Promise<string>
}

export interface WorkerState {
  /** The logical clock. */
  readonly clock: number
  /** With the wall time at which each was revoked, oldest first. */
  readonly revoked: readonly (readonly [TaskId, EpochMs])[]
  /** Of revoked workflows, in the same form. */
  readonly roots: readonly (readonly [TaskId, EpochMs])[]
  readonly stamps: Stamps
}

export interface StateFileParts {
  readonly runtime: Runtime
  readonly store: TextStore
  /** What is to be kept now. */
  state(): WorkerState
}

/** After a change the file is written so soon; everything that changes meanwhile goes along. */
const WRITE_AFTER: Ms = 2000
/** Larger ones are none of ours. */
const MAX_CHARS = 64 * 1024 * 1024

/**
 * What of a worker outlives it (`workerStateDb`): the logical clock and what was revoked, as JSON, written within seconds of a
 * change and at the end. A file that cannot be read, or holds something else, is kept aside under another name and said; the
 * worker starts without it (M47). One file belongs to one worker.
 */
export class StateFile implements AsyncDisposable {
  readonly #parts: StateFileParts
  #timer: Disposable | undefined
  #writing: Promise<void> = Promise.resolve()
  #failed = false
  #closed = false

  constructor(parts: StateFileParts) {
    this.#parts = parts
  }

  /** Undefined: nothing is kept yet, or nothing that can be read. Never rejects. */
  async load(): Promise<WorkerState | undefined> {
    const { store, runtime } = this.#parts
    let text: string | undefined
    try {
      text = await store.read()
    } catch (error) {
      runtime.log.error(`The state file ${store.path} cannot be read; the worker starts without it: ${textOf(error)}`)
      return undefined
    }
    if (text === undefined || text === '') return undefined
    try {
      return readState(text)
    } catch (error) {
      await this.#setAside(textOf(error))
      return undefined
    }
  }

  /** Something has changed. */
  changed(): void {
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = this.#parts.runtime.clock.timer(WRITE_AFTER, () => {
      this.#timer = undefined
      this.#write()
    })
  }

  /** Writes a last time. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return this.#writing
    this.#closed = true
    this.#timer?.[Symbol.dispose]()
    this.#write()
    await this.#writing
  }

  /** Never rejects; one write after another. */
  #write(): void {
    const { store, runtime, state } = this.#parts
    this.#writing = this.#writing.then(async () => {
      try {
        await store.write(printState(state()))
        this.#failed = false
      } catch (error) {
        if (!this.#failed) runtime.log.error(`The state file ${store.path} cannot be written: ${textOf(error)}`)
        this.#failed = true
      }
    })
  }

  async #setAside(why: string): Promise<void> {
    const { store, runtime } = this.#parts
    try {
      const aside = await store.setAside(`damaged-${runtime.clock.now()}`)
      runtime.log.error(
        `The state file ${store.path} is damaged (${why}); it is kept as ${aside}, and a new one is begun.`,
      )
    } catch (error) {
      runtime.log.error(`The state file ${store.path} is damaged (${why}) and cannot be put aside: ${textOf(error)}`)
    }
  }
}

const VERSION = 1

function printState({ clock, revoked, roots, stamps }: WorkerState): string {
  return JSON.stringify({
    version: VERSION,
    clock,
    revoked: revoked.map(inSeconds),
    roots: roots.map(inSeconds),
    stamps: [...stamps],
  })
}

function inSeconds([id, at]: readonly [TaskId, EpochMs]): readonly [TaskId, number] {
  return [id, at / 1000]
}

/** Throws for what `printState` does not give. */
function readState(text: string): WorkerState {
  if (text.length > MAX_CHARS) throw new TypeError('it is too large')
  const read: unknown = JSON.parse(text)
  if (!isDict(read)) throw new TypeError('it holds no object')
  // Files of earlier versions have no roots.
  const { version, clock, revoked, roots = [], stamps } = read
  if (version !== VERSION) throw new TypeError(`its version is ${String(version)}, not ${VERSION}`)
  if (!Number.isSafeInteger(clock) || (clock as number) < 0) throw new TypeError('it has no clock')
  return {
    clock: clock as number,
    revoked: listOf(revoked, revokedOf),
    roots: listOf(roots, revokedOf),
    stamps: new Map(listOf(stamps, stampOf)),
  }
}

function listOf<T>(value: unknown, read: (item: unknown) => T): readonly T[] {
  if (Array.isArray(value)) return value.map(read)
  throw new TypeError('a list is missing')
}

function revokedOf(item: unknown): readonly [TaskId, EpochMs] {
  const [id, at]: readonly unknown[] = Array.isArray(item) ? item : []
  if (nameProblem(id) === undefined && typeof at === 'number' && Number.isFinite(at)) return [id as TaskId, at * 1000]
  throw new TypeError('an entry is no revoked id')
}

function stampOf(item: unknown): readonly [string, readonly StampValue[]] {
  const [header, values]: readonly unknown[] = Array.isArray(item) ? item : []
  if (nameProblem(header) === undefined && Array.isArray(values) && values.every(isStampValue)) {
    return [header as string, values]
  }
  throw new TypeError('an entry is no stamp')
}

function isStampValue(value: unknown): value is StampValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
