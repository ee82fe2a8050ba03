import { Retry } from '../../app/errors.js'
import type { ObservedEvent } from '../../app/extension.js'
import type { TaskContext } from '../../app/task-context.js'
import type { PushEntry } from '../../brokers/virtual/queue-store.js'
import type { EpochMs } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import { fromDeadLetter } from '../../protocol/dead-letter.js'
import { decodeTask } from '../../protocol/decode-task.js'
import type { Message } from '../../protocol/message.js'
import type { TaskRequest } from '../../protocol/request.js'
import type { ExceptionInfo } from '../../protocol/result-meta.js'
import type { RecordedDeadLetter, RecordedRun, RecordedState, RecordedTask } from './recorded-task.js'

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

interface Run extends Writable<RecordedRun> {
  /** Of whom it is a run; several attempts of one task may overlap after a crash. */
  readonly claim: number | undefined
}

/** A task as the ledger keeps it. */
export interface Entry extends Writable<RecordedTask> {
  readonly runs: Run[]
  readonly retries: RecordedTask['retries'][number][]
  /** The latest message, as it was published. */
  message: Message
  /** Attempt of the latest message. */
  attempt: number
}

export interface LedgerParts {
  now(): EpochMs
  /** Reads the bodies of messages. */
  codec(): Codec
}

/** Everything that happens to tasks in a cluster, by id, in the order of publishing. */
export class Ledger {
  readonly deadLetters: RecordedDeadLetter[] = []
  readonly #parts: LedgerParts
  readonly #entries = new Map<string, Entry>()

  constructor(parts: LedgerParts) {
    this.#parts = parts
  }

  get entries(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  find(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  /** Begun, and neither told nor abandoned: effects may be under way. */
  get anyUntold(): boolean {
    for (const { state } of this.#entries.values()) if (state === 'running') return true
    return false
  }

  published({ message }: PushEntry, queue: string): void {
    const dead = fromDeadLetter(message)
    if (dead !== undefined) {
      const { queue: from, reason, detail, diedAt } = dead.record
      const { id, task } = dead.message.headers
      this.deadLetters.push({ id: text(id), name: text(task), queue: from, reason, detail, at: new Date(diedAt) })
      return
    }
    const decoded = decodeTask(message, this.#parts.codec())
    if (decoded.kind !== 'task') return
    const known = this.#entries.get(decoded.request.id)
    if (known === undefined) this.#add(decoded.request, queue)
    else this.#again(known, decoded.request)
  }

  started(context: TaskContext, worker: string): void {
    const entry = this.#entries.get(context.id)
    if (entry === undefined) return
    entry.state = 'running'
    entry.runs.push({
      worker,
      claim: context.fence?.claim,
      retries: context.retries,
      redelivered: context.deliveryInfo.redelivered,
      startedAt: this.#now(),
      endedAt: undefined,
      outcome: 'running',
      error: undefined,
    })
  }

  ended(context: TaskContext, outcome: 'returned' | 'threw', error?: unknown): void {
    const run = this.#run(context.id, context.fence?.claim)
    if (run?.outcome !== 'running') return
    run.outcome = outcome
    run.endedAt = this.#now()
    run.error = error instanceof Retry ? (error.request.error ?? error) : error
  }

  /** A worker is gone: what it had begun comes again, unless it was acknowledged early. */
  crashed(worker: string, acksLate: (task: string) => boolean): void {
    for (const entry of this.#entries.values()) {
      const run = entry.runs.at(-1)
      if (run?.worker !== worker || entry.state !== 'running') continue
      if (run.outcome === 'running') Object.assign(run, { outcome: 'abandoned', endedAt: this.#now() })
      entry.state = acksLate(entry.name) ? 'waiting' : 'lost'
    }
  }

  /** What a worker tells of a task. */
  observed({ type, fields }: ObservedEvent): void {
    const entry = this.#entries.get(String(fields['id']))
    const state = entry === undefined ? undefined : stateAfter(type, fields)
    if (entry === undefined || state === undefined) return
    const run = this.#run(entry.id, fields['claim'])
    if (run?.outcome === 'running') Object.assign(run, { outcome: 'abandoned', endedAt: this.#now() })
    // A later attempt may be under way already.
    if (entry.attempt > Number(fields['retries']) && state !== 'retrying') return
    if (state === 'succeeded') entry.value = fields['result']
    else entry.error = errorOf(run, fields['error']) ?? entry.error
    if (state === 'retrying' && entry.state !== 'running') return
    entry.state = state
  }

  #add(request: TaskRequest, queue: string): void {
    this.#entries.set(request.id, {
      id: request.id,
      name: request.task,
      args: request.args,
      kwargs: request.kwargs,
      state: 'waiting',
      queue,
      headers: request.headers,
      priority: request.priority,
      publishedAt: this.#now(),
      eta: date(request.eta),
      expires: date(request.expires),
      parentId: request.parentId,
      runs: [],
      retries: [],
      value: undefined,
      error: undefined,
      message: request.message,
      attempt: request.retries,
    })
  }

  #again(entry: Entry, request: TaskRequest): void {
    const run = entry.runs.at(-1)
    if (request.retries > entry.attempt) {
      entry.retries.push({ at: this.#now(), eta: date(request.eta), error: run?.error })
      entry.error = run?.error
    }
    entry.state = request.retries > entry.attempt ? 'retrying' : 'waiting'
    entry.attempt = request.retries
    entry.eta = date(request.eta)
    entry.message = request.message
  }

  #run(id: string, claim: unknown): Run | undefined {
    return this.#entries.get(id)?.runs.findLast(run => run.claim === claim)
  }

  #now(): Date {
    return new Date(this.#parts.now())
  }
}

/** Undefined: nothing that matters here. */
function stateAfter(type: string, fields: ObservedEvent['fields']): RecordedState | undefined {
  switch (type) {
    case 'task-succeeded':
      return 'succeeded'
    case 'task-failed':
      return 'failed'
    case 'task-retried':
      return 'retrying'
    case 'task-rejected':
      return fields['requeue'] === true ? 'waiting' : 'rejected'
    case 'task-ignored':
      return 'ignored'
    case 'task-revoked':
      return 'revoked'
    case 'task-returned':
      return 'waiting'
    default:
      return undefined
  }
}

/** The thrown error itself where the handler's end is known; otherwise what the worker stored of it. */
function errorOf(run: Run | undefined, told: unknown): unknown {
  if (run?.error !== undefined || told === undefined) return run?.error
  const { type, args } = told as ExceptionInfo
  return Object.assign(new Error(args.map(String).join(', ')), { name: type })
}

function date(at: EpochMs | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
