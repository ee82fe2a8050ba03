import { controlArguments, type WireArguments } from '../protocol/control-arguments.js'
import type {
  ActiveQueueInfo,
  ControlFailure,
  HelloReply,
  QueryTaskReply,
  RequestInfo,
  ScheduledInfo,
  WorkerStats,
} from '../protocol/inspect-replies.js'
import type { AskOptions } from './broadcast-options.js'
import type { Asker, Replies } from './control.js'

/** What the command gives, or why it did not. */
export type Inspected<Reply> = Replies<Reply | ControlFailure>

/**
 * Asks running workers, Lovage's and Celery's, about themselves. Each method gives replies by node name, in the order in which
 * they came; none when nobody answered in time. Replies stand as on the wire, so that both kinds of workers look alike. All
 * methods reject with `BrokerError`. Source: celery/app/control.py `Inspect`.
 */
export class Inspect {
  readonly #asker: Asker
  readonly #options: AskOptions

  constructor(asker: Asker, options: AskOptions) {
    this.#asker = asker
    this.#options = options
  }

  /** Any command by its name on the wire: also those that an app has added. */
  async request<Reply = unknown>(command: string, given: WireArguments = {}): Promise<Inspected<Reply>> {
    // What a reply holds is the answering worker's word.
    return (await this.#asker.ask(command, given, this.#options)) as Inspected<Reply>
  }

  /** Who is there. */
  ping(): Promise<Inspected<{ readonly ok: 'pong' }>> {
    return this.request('ping')
  }

  /** Tasks that are being executed. `safe`: arguments as texts. */
  active(options: { readonly safe?: boolean } = {}): Promise<Inspected<readonly RequestInfo[]>> {
    return this.request('active', { safe: options.safe ?? null })
  }

  /** Tasks that wait for their eta in a worker. */
  scheduled(): Promise<Inspected<readonly ScheduledInfo[]>> {
    return this.request('scheduled')
  }

  /** Tasks that a worker has taken, and that neither run nor wait for an eta. */
  reserved(): Promise<Inspected<readonly RequestInfo[]>> {
    return this.request('reserved')
  }

  /** Ids of revoked tasks, oldest first. */
  revoked(): Promise<Inspected<readonly string[]>> {
    return this.request('revoked')
  }

  /** Names of tasks, each with those of its attributes that are set: `m.t [rate_limit=10/m]`. */
  registered(...attributes: readonly string[]): Promise<Inspected<readonly string[]>> {
    return this.request('registered', controlArguments.registered(attributes))
  }

  stats(): Promise<Inspected<WorkerStats>> {
    return this.request('stats')
  }

  /** The logical clock of events. */
  clock(): Promise<Inspected<{ readonly clock: number }>> {
    return this.request('clock')
  }

  activeQueues(): Promise<Inspected<readonly ActiveQueueInfo[]>> {
    return this.request('active_queues')
  }

  /** What workers know of these tasks; only those that they hold. */
  queryTask(...ids: readonly string[]): Promise<Inspected<QueryTaskReply>> {
    return this.request('query_task', controlArguments.queryTask(ids))
  }

  /** Settings that differ from the defaults, secrets masked. */
  conf(options: { readonly withDefaults?: boolean } = {}): Promise<Inspected<Readonly<Record<string, unknown>>>> {
    return this.request('conf', controlArguments.conf(options.withDefaults ?? false))
  }

  /** A text for bug reports. */
  report(): Promise<Inspected<{ readonly ok: string }>> {
    return this.request('report')
  }

  /** What a starting worker asks its neighbours. `revoked`: ids that it knows, in the form of the wire. */
  hello(fromNode: string, revoked?: Readonly<Record<string, unknown>>): Promise<Inspected<HelloReply | null>> {
    return this.request('hello', controlArguments.hello(fromNode, revoked))
  }

  /** Memory in use: `54.09MB`. */
  memsample(): Promise<Inspected<string | null>> {
    return this.request('memsample')
  }

  memdump(samples = 10): Promise<Inspected<string>> {
    return this.request('memdump', { samples })
  }

  /** Of Celery's workers only. */
  objgraph(
    options: { readonly type?: string; readonly count?: number; readonly maxDepth?: number } = {},
  ): Promise<Inspected<{ readonly filename: string }>> {
    const { type = 'Request', count = 200, maxDepth = 10 } = options
    return this.request('objgraph', controlArguments.objgraph(type, count, maxDepth))
  }
}
