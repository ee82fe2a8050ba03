import {
  type AddConsumerOptions,
  controlArguments,
  type PoolRestartOptions,
  type WireArguments,
} from '../protocol/control-arguments.js'
import type { ControlAnswer } from '../protocol/inspect-replies.js'
import type { AskOptions, BroadcastOptions } from './broadcast-options.js'

/** Replies by node name, in the order in which they came. */
export type Replies<Reply> = Readonly<Record<string, Reply>>

/** Replies, when they were asked for. */
export type Answer<Options, Reply> = Options extends { readonly reply: true } ? Replies<Reply> : undefined

/** How `Control` and `Inspect` reach the nodes. */
export interface Asker {
  ask(command: string, given: WireArguments, options: AskOptions): Promise<Replies<unknown>>
  tell(command: string, given: WireArguments, options: AskOptions): Promise<void>
}

/** Here `signal` is what the task's process gets, as in Celery. */
export interface RevokeOptions extends Omit<BroadcastOptions, 'signal'> {
  /** With `terminate`: name of the signal that ends the task. Default `SIGTERM`. */
  readonly signal?: string | undefined
}

/**
 * Tells running workers what to do: all that hear this app's broker and `controlExchange`, Lovage's and Celery's. A method
 * resolves when the broker has the command, whether anybody hears it or not. With `reply: true` it waits for answers, each
 * `{ok: …}` or `{error: …}`, as long as they come, and gives them by node name; nobody answering is no error. All methods
 * reject with `BrokerError`, and with `LVG_BAD_OPTION`. Source: celery/app/control.py `Control`.
 */
export class Control {
  readonly #asker: Asker
  readonly #keep: KeepRevoked

  constructor(asker: Asker, keep: KeepRevoked) {
    this.#asker = asker
    this.#keep = keep
  }

  /** Any command by its name on the wire: also those that an app has added. */
  async broadcast<Reply = unknown, const Options extends BroadcastOptions = BroadcastOptions>(
    command: string,
    given: WireArguments = {},
    options?: Options,
  ): Promise<Answer<Options, Reply>> {
    const answered = options?.reply === true
    if (!answered) await this.#asker.tell(command, given, options ?? {})
    const replies = answered ? await this.#asker.ask(command, given, options) : undefined
    // `reply` says which of the two it is; what the replies hold, the caller says.
    return replies as Answer<Options, Reply>
  }

  /** Asks who is there. Waits for replies always. */
  async ping(options: AskOptions = {}): Promise<Replies<{ readonly ok: 'pong' }>> {
    // Whoever answers to ping answers so.
    return (await this.#asker.ask('ping', {}, options)) as Replies<{ readonly ok: 'pong' }>
  }

  /**
   * Tasks that have not begun will not; with `terminate`, running ones are ended. At most 10,000 ids are heeded. Told to everybody
   * (no `destination`, no `pattern`), it is also kept in the result store: workers that start within `revokeTtl` know it, and what
   * has not ended is REVOKED at once. Rejects with `BackendError` when it was told, but could not be kept.
   */
  revoke<const Options extends RevokeOptions & { readonly terminate?: boolean }>(
    taskId: string | readonly string[],
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    const { terminate = false, signal = TERM, ...rest } = options ?? {}
    const told: Promise<Answer<Options, ControlAnswer>> = this.#command(
      'revoke',
      controlArguments.revoke(taskId, terminate, signal),
      rest,
    )
    return this.#kept({ ids: listOf(taskId) }, rest, told)
  }

  /** `revoke` that also ends what runs. */
  terminate<const Options extends RevokeOptions>(
    taskId: string | readonly string[],
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    const { signal = TERM, ...rest } = options ?? {}
    const told: Promise<Answer<Options, ControlAnswer>> = this.#command(
      'revoke',
      controlArguments.revoke(taskId, true, signal),
      rest,
    )
    return this.#kept({ ids: listOf(taskId) }, rest, told)
  }

  /**
   * As `revoke`, for every task of a workflow, whether it has been sent already or not: `AsyncResult.rootId`, or the id of the task
   * that all others come from. Celery's workers know no roots: `members` names tasks that they shall not start either; they are
   * REVOKED at once. At most 10,000 members are told.
   */
  revokeByRoot<
    const Options extends RevokeOptions & { readonly terminate?: boolean; readonly members?: readonly string[] },
  >(rootId: string | readonly string[], options?: Options): Promise<Answer<Options, ControlAnswer>> {
    const { terminate = false, signal = TERM, members = [], ...rest } = options ?? {}
    const roots = listOf(rootId)
    const ids = [...new Set([...roots, ...members])].slice(0, MAX_TOLD)
    const given = controlArguments.revokeByRoot(roots, ids, terminate, signal)
    const told: Promise<Answer<Options, ControlAnswer>> = this.#command('revoke', given, rest)
    return this.#kept({ roots, members }, rest, told)
  }

  /** Tasks with one of these stamps: `{ customer: ['c1', 'c2'] }`. Celery knows it since 5.3. */
  revokeByStampedHeaders<const Options extends RevokeOptions & { readonly terminate?: boolean }>(
    headers: Readonly<Record<string, string | readonly string[]>>,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    const { terminate = false, signal = TERM, ...rest } = options ?? {}
    const given = controlArguments.revokeByStampedHeaders(headers, terminate, signal)
    const told: Promise<Answer<Options, ControlAnswer>> = this.#command('revoke_by_stamped_headers', given, rest)
    return this.#kept({ stamps: headers }, rest, told)
  }

  /** `'10/s'`, `'100/m'`, `'1000/h'`, a number per second; 0 or null = no limit. */
  rateLimit<const Options extends BroadcastOptions>(
    taskName: string,
    rateLimit: string | number | null,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('rate_limit', controlArguments.rateLimit(taskName, rateLimit), options)
  }

  /** Seconds, for tasks that come from now on; what is left out is no limit. */
  timeLimit<const Options extends BroadcastOptions>(
    taskName: string,
    limits: { readonly soft?: number | null; readonly hard?: number | null },
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    const { soft = null, hard = null } = limits
    return this.#command('time_limit', controlArguments.timeLimit(taskName, soft, hard), options)
  }

  /** Workers begin to consume a queue; it is declared when they do not know it. */
  addConsumer<const Options extends BroadcastOptions>(
    queue: string,
    given?: AddConsumerOptions,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('add_consumer', controlArguments.addConsumer(queue, given ?? {}), options)
  }

  cancelConsumer<const Options extends BroadcastOptions>(
    queue: string,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('cancel_consumer', { queue }, options)
  }

  enableEvents<const Options extends BroadcastOptions>(options?: Options): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('enable_events', {}, options)
  }

  disableEvents<const Options extends BroadcastOptions>(options?: Options): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('disable_events', {}, options)
  }

  /** Workers send a `worker-heartbeat` event at once. */
  heartbeat<const Options extends BroadcastOptions>(options?: Options): Promise<Answer<Options, null>> {
    return this.#command('heartbeat', {}, options)
  }

  poolGrow<const Options extends BroadcastOptions>(
    n?: number,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('pool_grow', { n: n ?? 1 }, options)
  }

  poolShrink<const Options extends BroadcastOptions>(
    n?: number,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('pool_shrink', { n: n ?? 1 }, options)
  }

  /** New children; needs the workers' setting `workerPoolRestarts`. */
  poolRestart<const Options extends BroadcastOptions>(
    given?: PoolRestartOptions,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('pool_restart', controlArguments.poolRestart(given ?? {}), options)
  }

  autoscale<const Options extends BroadcastOptions>(
    max: number,
    min: number,
    options?: Options,
  ): Promise<Answer<Options, ControlAnswer>> {
    return this.#command('autoscale', { max, min }, options)
  }

  /** Workers end, warmly. They never answer. */
  shutdown(options: Omit<AskOptions, 'limit' | 'onReply'> = {}): Promise<void> {
    return this.#asker.tell('shutdown', {}, options)
  }

  /** Workers agree on one of them, which does the action. Fleets with fewer than two Celery workers must not be asked: one alone ends by it. */
  election(id: string, topic: string, action?: unknown): Promise<void> {
    return this.#asker.tell('election', controlArguments.election(id, topic, action), {})
  }

  /** Both at once, so that a store that is slow or away keeps nobody from being told. */
  async #kept<T>(what: RevokedWhat, { destination = [], pattern }: BroadcastOptions, told: Promise<T>): Promise<T> {
    const everybody = destination.length === 0 && pattern === undefined
    const [answer, kept] = await Promise.allSettled([told, everybody ? this.#keep(what) : undefined])
    if (answer.status === 'fulfilled' && kept.status === 'rejected') throw kept.reason
    return told
  }

  #command<Options, Reply>(
    command: string,
    given: WireArguments,
    options: BroadcastOptions | undefined,
  ): Promise<Answer<Options, Reply>> {
    // Broadcast decides by the same `reply`.
    return this.broadcast(command, given, options) as Promise<Answer<Options, Reply>>
  }
}

const TERM = 'SIGTERM'
/** Workers heed so many ids of one command. */
const MAX_TOLD = 10_000

/** What must not start any more. */
export interface RevokedWhat {
  readonly ids?: readonly string[]
  readonly roots?: readonly string[]
  /** Known tasks of those roots. */
  readonly members?: readonly string[]
  readonly stamps?: Readonly<Record<string, string | readonly string[]>>
}

/** Keeps it for workers that hear nothing now. */
export type KeepRevoked = (what: RevokedWhat) => Promise<void>

function listOf(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}
