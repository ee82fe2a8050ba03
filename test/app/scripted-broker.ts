import type {
  Address,
  Broker,
  BrokerFeatures,
  CloseReason,
  Connection,
  PublishOptions,
} from '../../src/brokers/broker.js'
import { BrokerError } from '../../src/brokers/errors.js'
import { type Deferred, deferred } from '../../src/lib/deferred.js'
import type { Message } from '../../src/protocol/message.js'

export interface Published {
  readonly message: Message
  readonly to: Address
  readonly options: PublishOptions
  readonly answer: Deferred<void>
  /** Number of the connection, from 1. */
  readonly connection: number
}

/** A broker that does what a test tells it. Unless told otherwise everything succeeds at once. */
export class ScriptedBroker implements Broker {
  readonly url = 'scripted://'
  readonly features: BrokerFeatures
  /** In the order in which they came. */
  readonly published: Published[] = []
  readonly declared: string[] = []
  connects = 0
  closes = 0
  /** What the next attempts to connect come to; then they succeed. */
  readonly onConnect: ('refuse' | 'hang' | 'forbid')[] = []
  readonly onDeclare: ('refuse' | 'hang')[] = []
  /** What publishes come to; `undefined` = accepted, `wait` = the test answers. */
  onPublish: (published: Published) => Error | 'wait' | undefined = () => undefined
  #cut: ((reason: CloseReason) => void) | undefined

  constructor(features: Partial<BrokerFeatures> = {}) {
    this.features = {
      delays: true,
      publishDedupe: true,
      leases: false,
      exchanges: ['direct'],
      durable: false,
      ...features,
    }
  }

  async connect(): Promise<Connection> {
    this.connects++
    switch (this.onConnect.shift()) {
      case 'refuse':
        throw new BrokerError('LVG_TEST', 'connection refused', { transient: true })
      case 'forbid':
        throw new BrokerError('LVG_TEST', 'wrong password', { transient: false })
      case 'hang':
        return await new Promise<never>(() => undefined)
      default:
        return this.#connection(this.connects)
    }
  }

  /** The present connection is lost; what waits on it gets `error`. */
  cut(error: BrokerError): void {
    this.#cut?.({ kind: 'lost', error })
    for (const { answer } of this.published) answer.reject(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closes += 100
  }

  #connection(number: number): Connection {
    const closed = deferred<CloseReason>()
    let open = true
    this.#cut = reason => {
      open = false
      closed.resolve(reason)
    }
    const connection: Pick<Connection, 'closed' | 'declare' | 'publish' | typeof Symbol.asyncDispose> = {
      closed: closed.promise,
      declare: async ({ queues = [] }) => {
        const script = this.onDeclare.shift()
        if (script === 'hang') return await new Promise<never>(() => undefined)
        if (script === 'refuse') throw new BrokerError('LVG_TEST', 'no such right', { transient: false })
        for (const queue of queues) this.declared.push(queue.name)
      },
      publish: (message, to, options) => {
        if (!open) return Promise.reject(new BrokerError('LVG_TEST', 'connection closed', { transient: true }))
        const published: Published = { message, to, options, answer: deferred(), connection: number }
        published.answer.promise.catch(() => undefined)
        this.published.push(published)
        const outcome = this.onPublish(published)
        if (outcome === undefined) published.answer.resolve()
        else if (outcome !== 'wait') published.answer.reject(outcome)
        return published.answer.promise
      },
      [Symbol.asyncDispose]: async () => {
        this.closes++
        closed.resolve({ kind: 'closed' })
      },
    }
    // A publisher asks a connection for nothing else.
    return connection as Connection
  }
}
