import type { Codec, Encoded } from '../../protocol/codec.js'
import { EncodeError, ResultDecodeError, ResultTooLargeError } from '../../protocol/errors.js'
import { exceptionFromPickle } from '../../protocol/exception-pickle.js'
import type { TaskName } from '../../protocol/ids.js'
import { formatDate, formatTime, readDateTime } from '../../protocol/iso8601.js'
import { parseJson, printJson } from '../../protocol/json.js'
import { DEFAULT_LIMITS, type Limits } from '../../protocol/limits.js'
import { pickle, unpickle } from '../../protocol/pickle.js'
import { pythonRepr } from '../../protocol/python-repr.js'
import { exceptionToDict, resultMetaFromDict, resultMetaToDict } from '../../protocol/result-dict.js'
import type { ExceptionInfo, ExtendedMeta, ResultMeta, State } from '../../protocol/result-meta.js'
import { holdsException, isFinal } from '../../protocol/states.js'
import { Tuple } from '../../protocol/values.js'
import type { FoundResultRow, NewResultRow } from './result-row.js'

export interface ResultColumnsOptions {
  /** For `args` and `kwargs`: setting `resultSerializer`. Default `json`. */
  readonly serializer?: string | undefined
  readonly limits?: Limits | undefined
}

const NO_EXTENDED: Pick<NewResultRow, 'name' | 'args' | 'kwargs' | 'worker' | 'retries' | 'queue'> = Object.freeze({
  name: null,
  args: null,
  kwargs: null,
  worker: null,
  retries: null,
  queue: null,
})

/**
 * A record as columns of celery_taskmeta, so that Python reads it, with what has no column there as `lineage`; and back.
 * Source: celery/backends/database/__init__.py `_store_result`, `_update_result`, models.py.
 */
export class ResultColumns {
  readonly #codec: Codec
  readonly #serializer: string
  readonly #limits: Limits
  /** How the serializer labels what it writes; columns carry no label. */
  readonly #label: Omit<Encoded, 'body'>

  constructor(codec: Codec, options: ResultColumnsOptions = {}) {
    this.#codec = codec
    this.#serializer = options.serializer ?? 'json'
    this.#limits = options.limits ?? DEFAULT_LIMITS
    const { contentType, contentEncoding } = codec.encode(null, { serializer: this.#serializer })
    this.#label = { contentType, contentEncoding, compression: undefined }
  }

  /** Throws `EncodeError` when the value cannot be written, `ResultTooLargeError` beyond L12. */
  write(meta: ResultMeta): NewResultRow {
    const row: NewResultRow = {
      taskId: meta.taskId,
      status: meta.status,
      result: compact(this.#pickled(meta)),
      dateDone: meta.dateDone === undefined ? null : wallTime(meta.dateDone),
      traceback: meta.traceback ?? null,
      lineage: lineageOf(meta),
      ...(meta.extended === undefined ? NO_EXTENDED : this.#extended(meta.extended)),
    }
    const size = sizeOf(row)
    if (size > this.#limits.resultBytes) throw new ResultTooLargeError(size, this.#limits.resultBytes)
    return row
  }

  /** Throws `ResultDecodeError`, whatever the row holds. */
  read(row: FoundResultRow): ResultMeta {
    try {
      return this.#read(row)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ResultDecodeError(`the row of task ${row.taskId} in celery_taskmeta cannot be read: ${why}`, { cause })
    }
  }

  #read(row: FoundResultRow): ResultMeta {
    const { taskId } = row
    const status = text(row.status, 'status')
    if (status === undefined || status === '') throw new ResultDecodeError('it has no status')
    const known = row.lineage === null ? undefined : resultMetaFromDict(parseJson(row.lineage))
    const own = row.ours === 1 ? known : undefined
    const bytes = blob(row.result, 'result')
    const failed = holdsException(status)
    const extended = this.#readExtended(row, own)
    return {
      taskId,
      status,
      result: failed ? undefined : bytes === undefined ? null : unpickle(bytes, { limits: this.#limits }),
      error: failed && bytes !== undefined ? this.#error(bytes, status) : undefined,
      traceback: text(row.traceback, 'traceback'),
      children: own?.children,
      dateDone: own === undefined ? dateDoneOf(row.dateDone, status) : own.dateDone,
      // The same for every record of an id, whoever wrote it.
      ...(known?.groupId !== undefined && { groupId: known.groupId }),
      ...(known?.parentId !== undefined && { parentId: known.parentId }),
      ...(extended !== undefined && { extended }),
      ...(own?.nesting !== undefined && { nesting: own.nesting }),
      ...(own?.intent !== undefined && { intent: own.intent }),
    }
  }

  /**
   * Celery publishes a retry before it stores RETRY, and each of its writers changes only the columns that it found otherwise: where the next
   * attempt began meanwhile, a row says RETRY beside that one's process. Source: celery/app/task.py `retry`, celery/backends/database.
   */
  #error(bytes: Uint8Array, status: State): ExceptionInfo | undefined {
    try {
      return exceptionFromPickle(bytes, this.#limits)
    } catch (error) {
      if (status === 'RETRY') return undefined
      throw error
    }
  }

  /** Always a pickle, whatever the result serializer. */
  #pickled(meta: ResultMeta): Uint8Array {
    const { error } = meta
    if (error === undefined) return this.#pickle(holdsException(meta.status) ? null : meta.result)
    try {
      return this.#pickle(exceptionRecord(error))
    } catch (problem) {
      if (!(problem instanceof EncodeError)) throw problem
      const args = error.args.map(arg => (this.#isPicklable(arg) ? arg : pythonRepr(arg)))
      return this.#pickle(exceptionRecord({ ...error, args }))
    }
  }

  #pickle(value: unknown): Uint8Array {
    return pickle(value, { limits: this.#limits })
  }

  #isPicklable(value: unknown): boolean {
    try {
      this.#pickle(value)
      return true
    } catch {
      return false
    }
  }

  #extended(extended: ExtendedMeta): typeof NO_EXTENDED {
    return {
      name: extended.name ?? null,
      args: this.#serialized(extended.args),
      kwargs: this.#serialized(extended.kwargs),
      worker: extended.worker ?? null,
      retries: extended.retries ?? null,
      queue: extended.queue ?? null,
    }
  }

  #serialized(value: unknown): Uint8Array | null {
    return value === undefined ? null : compact(this.#codec.encode(value, { serializer: this.#serializer }).body)
  }

  #readExtended(row: FoundResultRow, own: ResultMeta | undefined): ExtendedMeta | undefined {
    const { name, args, kwargs, worker, retries, queue } = row
    const found = [name, args, kwargs, worker, retries, queue].some(column => column !== null)
    if (!found && own?.extended === undefined) return undefined
    const list = this.#deserialized(args)
    const dict = this.#deserialized(kwargs)
    return {
      name: text(name, 'name') as TaskName | undefined,
      args: Array.isArray(list) ? list : undefined,
      kwargs: isRecord(dict) ? dict : undefined,
      worker: text(worker, 'worker'),
      retries: typeof retries === 'number' ? retries : undefined,
      queue: text(queue, 'queue'),
      ...(own?.extended?.stampedHeaders !== undefined && { stampedHeaders: own.extended.stampedHeaders }),
      ...(own?.extended?.stamps !== undefined && { stamps: own.extended.stamps }),
    }
  }

  /** Undefined when it was written with another serializer: the value is what is waited for, not its arguments. */
  #deserialized(column: FoundResultRow['args']): unknown {
    if (!(column instanceof Uint8Array)) return undefined
    const decoded = this.#codec.decode({ ...this.#label, body: column })
    return decoded.kind === 'value' ? decoded.value : undefined
  }
}

/** Python raises the exception with these as arguments; as a tuple, as Python stores them. */
function exceptionRecord(error: ExceptionInfo): Readonly<Record<string, unknown>> {
  const members = Object.entries(exceptionToDict(error))
  return Object.fromEntries(members.map(([name, value]) => [name, Array.isArray(value) ? new Tuple(value) : value]))
}

/** The record's dict without what celery_taskmeta has columns for. */
function lineageOf(meta: ResultMeta): string {
  const { extended } = meta
  const rest: ResultMeta = {
    taskId: meta.taskId,
    status: meta.status,
    result: null,
    error: undefined,
    traceback: undefined,
    children: meta.children,
    dateDone: meta.dateDone,
    ...(meta.groupId !== undefined && { groupId: meta.groupId }),
    ...(meta.parentId !== undefined && { parentId: meta.parentId }),
    ...(extended !== undefined && { extended: withoutColumns(extended) }),
    ...(meta.nesting !== undefined && { nesting: meta.nesting }),
    ...(meta.intent !== undefined && { intent: meta.intent }),
  }
  return printJson(resultMetaToDict(rest))
}

function withoutColumns(extended: ExtendedMeta): ExtendedMeta {
  const columns = {
    name: undefined,
    args: undefined,
    kwargs: undefined,
    worker: undefined,
    retries: undefined,
    queue: undefined,
  }
  return { ...extended, ...columns }
}

/**
 * `2026-11-20T08:51:09.816613+00:00` → `2026-11-20 08:51:09.816613`: wall time, its zone dropped, always six digits.
 * Source: celery/backends/database/__init__.py `_update_result`; sqlalchemy/dialects/sqlite/base.py `DATETIME`.
 */
function wallTime(iso: string): string | null {
  // What we write ourselves, without taking it apart.
  if (iso.length === 32 && iso[10] === 'T' && iso[19] === '.') return `${iso.slice(0, 10)} ${iso.slice(11, 26)}`
  const at = readDateTime(iso)
  if (at === undefined) return null
  const time = formatTime({ ...at, offset: undefined })
  return `${formatDate(at)} ${time.length === 8 ? `${time}.000000` : time}`
}

/** Python fills the column with the time of the write for some states that are not final, too: an ORM default. */
function dateDoneOf(column: FoundResultRow['dateDone'], status: string): string | undefined {
  const at = typeof column === 'string' && isFinal(status) ? readDateTime(column) : undefined
  return at === undefined ? undefined : `${formatDate(at)}T${formatTime({ ...at, offset: 0 })}`
}

function sizeOf({ result, args, kwargs, traceback, lineage }: NewResultRow): number {
  const texts = Buffer.byteLength(lineage) + (traceback === null ? 0 : Buffer.byteLength(traceback))
  return result.length + (args?.length ?? 0) + (kwargs?.length ?? 0) + texts
}

/** Bytes in a buffer of their own: a view into a pool would be cloned with the whole pool. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}

function text(column: unknown, name: string): string | undefined {
  if (column === null || column === undefined) return undefined
  if (typeof column !== 'string') throw new ResultDecodeError(`its ${name} is not text`)
  return column
}

function blob(column: unknown, name: string): Uint8Array | undefined {
  if (column === null || column === undefined) return undefined
  if (!(column instanceof Uint8Array)) throw new ResultDecodeError(`its ${name} is not a blob`)
  return column
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
