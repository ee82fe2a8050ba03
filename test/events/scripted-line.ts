import type { Address, CloseReason, Connection, Exchange, PublishOptions, Topology } from '../../src/brokers/broker.js'
import { BrokerError } from '../../src/brokers/errors.js'
import { type Deferred, deferred } from '../../src/lib/deferred.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import type { Message } from '../../src/protocol/message.js'

export const CELERYEV: Exchange = { name: 'celeryev', type: 'topic', durable: true }

interface Sent {
  readonly routingKey: string
  /** The body: an object, or a list of them. */
  readonly body: unknown
  readonly message: Message
  readonly options: PublishOptions
  readonly answer: Deferred<void>
}

/** A connection that takes down what is published over it, and answers when and how a test wants. */
export class ScriptedLine {
  readonly sent: Sent[] = []
  readonly declared: string[] = []
  /** Answer at once. */
  prompt = true
  declareError: BrokerError | undefined
  readonly #closed = deferred<CloseReason>()
  readonly #codec = createCodec({ accept: ['json'], serializer: 'json' })

  get connection(): Connection {
    const line = this
    const connection: Pick<Connection, 'closed' | 'declare' | 'publish'> = {
      closed: this.#closed.promise,
      async declare({ exchanges = [] }: Topology) {
        if (line.declareError !== undefined) throw line.declareError
        line.declared.push(...exchanges.map(({ name, type }) => `${name} ${type}`))
      },
      publish: (message, to, options) => line.#publish(message, to, options),
    }
    // A dispatcher asks a connection for nothing else.
    return connection as Connection
  }

  get bodies(): readonly unknown[] {
    return this.sent.map(({ body }) => body)
  }

  /** Types of all events, message by message. */
  get types(): readonly (string | readonly string[])[] {
    return this.sent.map(({ body }) => (Array.isArray(body) ? body.map(event => event.type) : (body as Typed).type))
  }

  lose(): void {
    this.#closed.resolve({ kind: 'lost', error: lost() })
  }

  #publish(message: Message, { routingKey }: Address, options: PublishOptions): Promise<void> {
    const { body, properties } = message
    const { contentType = '', contentEncoding = '' } = properties
    const decoded = this.#codec.decode({ contentType, contentEncoding, compression: undefined, body })
    const answer = deferred<void>()
    this.sent.push({ routingKey, body: decoded.kind === 'value' ? decoded.value : decoded, message, options, answer })
    if (this.prompt) answer.resolve()
    return answer.promise
  }
}

interface Typed {
  readonly type: string
}

export function lost(): BrokerError {
  return new BrokerError('LVG_CONNECTION_LOST', 'The connection is gone.', { transient: true })
}
