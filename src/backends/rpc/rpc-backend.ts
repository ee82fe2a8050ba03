import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { Codec } from '../../protocol/codec.js'
import { decodeResultMessage, encodeResultMessage, type ResultEncoding } from '../../protocol/encode-result.js'
import { nameProblem, type TaskId } from '../../protocol/ids.js'
import type { Limits } from '../../protocol/limits.js'
import type { Message } from '../../protocol/message.js'
import type { GroupMeta, ResultMeta } from '../../protocol/result-meta.js'
import { isFinal } from '../../protocol/states.js'
import type { Addition, Arrival, BackendFeatures, ReplyAddress, ResultBackend, StoreOptions } from '../backend.js'
import { BackendError } from '../errors.js'
import { News, type NewsSource } from '../news.js'
import { unreadableRecord } from '../unreadable-record.js'
import { type ReceivedResult, ReceivedResults } from './received-results.js'
import type { ReplyLine } from './reply-line.js'

export interface RpcBackendOptions {
  readonly url: string
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  readonly line: ReplyLine
  readonly codec: Codec
  readonly limits?: Limits | undefined
  /** Default `json`. */
  readonly serializer?: string | undefined
  /** Result messages survive a restart of the broker. */
  readonly persistent: boolean
  /** How long a received result is remembered; undefined = until newer ones push it out. */
  readonly ttl: Ms | undefined
}

/**
 * Results as messages (Celery's `rpc://`): a worker answers every change of state to the queue that the task's `reply_to`
 * names, with the task id as correlation id; the client that sent the task, and nobody else, consumes that queue.
 *
 * The place where results are kept is thus the memory of the client. What follows:
 * - Nobody but the sender can read a result. Nothing is known of it before its first message; a worker that is asked
 *   about a redelivered task knows nothing of it, and runs it again.
 * - An answer for a client that is gone reaches no queue. It is dropped and counted (M34).
 * - There is nothing shared to count chords or to save groups in.
 * - A result may come twice. What is final stays.
 *
 * Source: celery/backends/rpc.py.
 */
export class RpcBackend implements ResultBackend {
  readonly url: string
  readonly features: BackendFeatures = { durable: false, chords: false, shared: false }
  readonly #options: RpcBackendOptions
  readonly #encoding: ResultEncoding
  readonly #received: ReceivedResults
  readonly #news = new News<ReceivedResult>()
  #open = true
  #dropped = 0
  #complained: SteadyMs | undefined

  constructor(options: RpcBackendOptions) {
    this.url = options.url
    this.#options = options
    this.#encoding = { serializer: options.serializer, limits: options.limits }
    this.#received = new ReceivedResults(options.runtime.clock, options.ttl)
  }

  /** Answers that reached nobody. */
  get dropped(): number {
    return this.#dropped
  }

  get expecting(): boolean {
    return this.#open && this.#options.line.listening
  }

  async expect(signal: AbortSignal): Promise<void> {
    this.#mustBeOpen()
    await this.#options.line.listen(message => this.#receive(message), signal)
  }

  async store(meta: ResultMeta, { reply }: StoreOptions): Promise<'stored' | 'refused'> {
    this.#mustBeOpen()
    if (reply === undefined || reply.queue === '') return 'stored'
    const { codec, persistent, line } = this.#options
    const message = encodeResultMessage(meta, correlationOf(reply, meta), persistent ? 2 : 1, codec, this.#encoding)
    if (!isName(reply.queue)) this.#drop(meta.taskId, 'its reply_to cannot be the name of a queue')
    else if ((await line.send(message, reply.queue)) === 'nobody') this.#drop(meta.taskId, 'its sender is gone')
    return 'stored'
  }

  async fetch(id: TaskId): Promise<ResultMeta | undefined> {
    this.#mustBeOpen()
    const found = this.#received.get(id)
    return found === undefined ? undefined : decodeResultMessage(found.message, this.#options.codec)
  }

  watch(ids: readonly TaskId[], signal: AbortSignal): AsyncIterable<ResultMeta> {
    const source: NewsSource<ReceivedResult> = {
      check: () => this.#mustBeOpen(),
      listen: tell => this.#received.listen(new Set(ids), tell),
      read: result => this.#read(result),
    }
    return this.#news.watch(source, signal)
  }

  async forget(ids: readonly TaskId[]): Promise<void> {
    this.#mustBeOpen()
    this.#received.forget(ids)
  }

  saveGroup(): Promise<void> {
    return this.#cannot('saves no groups')
  }

  fetchGroup(): Promise<GroupMeta | undefined> {
    return this.#cannot('saves no groups')
  }

  forgetGroup(): Promise<void> {
    return this.#cannot('saves no groups')
  }

  addToChord(): Promise<Addition> {
    return this.#cannot('has no chords')
  }

  setChordSize(): Promise<void> {
    return this.#cannot('has no chords')
  }

  arrive(): Promise<Arrival> {
    return this.#cannot('has no chords')
  }

  close(): Promise<void> {
    return this.#cannot('has no chords')
  }

  /** Memory is bounded by itself. */
  async cleanup(): Promise<number> {
    this.#mustBeOpen()
    return 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false
    this.#news.end()
    await this.#options.line[Symbol.asyncDispose]()
  }

  /** The task whose end it tells. */
  #receive(message: Message): TaskId | undefined {
    try {
      const { taskId, status } = decodeResultMessage(message, this.#options.codec)
      this.#received.add({ taskId, status, message })
      return isFinal(status) ? taskId : undefined
    } catch (error) {
      this.#options.runtime.log.warning(`A result message could not be read: ${String(error)}`)
      // Whoever waits for it hears of the trouble as the failure of its task (M46).
      const id = message.properties.correlationId
      if (id !== undefined && isName(id)) this.#received.add({ taskId: id as TaskId, status: 'FAILURE', message })
      return undefined
    }
  }

  #read({ taskId, message }: ReceivedResult): ResultMeta {
    try {
      return decodeResultMessage(message, this.#options.codec)
    } catch (error) {
      return unreadableRecord(taskId, error instanceof Error ? error : new Error(String(error)))
    }
  }

  /** Clients that do not wait for their results are many: said once a minute at most. */
  #drop(id: TaskId, why: string): void {
    this.#dropped++
    const { clock, log } = this.#options.runtime
    const now = clock.steady()
    if (this.#complained !== undefined && now - this.#complained < 60_000) return
    this.#complained = now
    log.warning(`The result of ${id} reached nobody: ${why}. Results dropped so far: ${this.#dropped}.`)
  }

  async #cannot(what: string): Promise<never> {
    this.#mustBeOpen()
    throw new BackendError(
      'LVG_NOT_BY_MESSAGE',
      `The result backend ${this.url} ${what}: results travel as messages to whoever sent the task. Use a backend that keeps them, for example Redis.`,
      { transient: false },
    )
  }

  #mustBeOpen(): void {
    if (this.#open) return
    throw new BackendError('LVG_BACKEND_CLOSED', `The result backend ${this.url} was closed.`, { transient: false })
  }
}

/** The request's own, when it can travel; else the id, which always can (L06). */
function correlationOf({ correlationId }: ReplyAddress, { taskId }: ResultMeta): string {
  return correlationId !== undefined && isName(correlationId) ? correlationId : taskId
}

function isName(text: string): boolean {
  return nameProblem(text) === undefined
}
