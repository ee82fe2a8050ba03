import { BoundedMap } from '../../lib/bounded-map.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { type DeadLetterRecord, toDeadLetter } from '../../protocol/dead-letter.js'
import type { Message } from '../../protocol/message.js'
import type { AmqpDelivery } from './amqp-delivery.js'

/** So often a message may be taken from its running task by the timeout; then it is a loop. */
const MOST = 2
const REMEMBERED = Object.freeze({ max: 10_000, ttl: 24 * 3_600_000 })
/** How often holders are looked at, at most. */
const LOOK: Ms = 60_000

/**
 * RabbitMQ takes back what a consumer holds unacknowledged for longer than its `consumer_timeout`, by closing the channel
 * (D32). Nothing that merely waits is held that long; what runs is warned about at half the time; and a message that was
 * taken back twice goes to the dead-letter place, because it would go round for ever. Lives as long as its broker, since
 * the connections it hears of do not.
 */
export class AckTimeouts {
  readonly #runtime: Pick<Runtime, 'clock' | 'log'>
  readonly #timeout: Ms
  readonly #expired = new BoundedMap<string, number>(REMEMBERED)
  readonly #warned = new WeakSet<AmqpDelivery>()

  constructor(runtime: Pick<Runtime, 'clock' | 'log'>, timeout: Ms) {
    this.#runtime = runtime
    this.#timeout = timeout
  }

  /** Looks at what is held, oldest first, from now on. */
  watch(held: () => Iterable<AmqpDelivery>): Disposable {
    const { clock } = this.#runtime
    const every = Math.max(100, Math.min(LOOK, this.#timeout / 10))
    let timer: Disposable
    const look = (): void => {
      timer = clock.timer(every, look)
      this.#warn(held())
    }
    timer = clock.timer(every, look)
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
  }

  /** Their channel was closed by the timeout. */
  expired(held: Iterable<AmqpDelivery>): void {
    const { clock } = this.#runtime
    for (const delivery of held) {
      const id = idOf(delivery.message)
      if (id === undefined || this.#ageOf(delivery) < this.#timeoutOf(delivery)) continue
      this.#expired.set(id, (this.#expired.get(id, clock.steady()) ?? 0) + 1, clock.steady())
    }
  }

  /** It was taken back too often: the message for its dead-letter place; undefined = let it run. */
  buried(delivery: AmqpDelivery, worker: string): Message | undefined {
    const id = idOf(delivery.message)
    const times = id === undefined ? 0 : (this.#expired.get(id, this.#runtime.clock.steady()) ?? 0)
    if (times < MOST) return undefined
    const { message, queue, exchange, routingKey, faults } = delivery
    const record: DeadLetterRecord = {
      reason: 'consumer-timeout',
      detail: `Task ${nameOf(message)} was taken back ${times} times because it ran longer than RabbitMQ waits for an acknowledgement (consumer_timeout, ${seconds(this.#timeoutOf(delivery))}). Raise it there, make the task shorter, or acknowledge early.`,
      queue,
      exchange,
      routingKey,
      deliveries: faults,
      firstSeen: undefined,
      diedAt: this.#runtime.clock.now(),
      worker,
    }
    this.#runtime.log.error(`Dead letter (consumer-timeout) ${id} from ${queue}: ${record.detail}`, { queue })
    return toDeadLetter(message, record)
  }

  #warn(held: Iterable<AmqpDelivery>): void {
    for (const delivery of held) {
      const [age, timeout] = [this.#ageOf(delivery), this.#timeoutOf(delivery)]
      if (age < timeout / 2) return
      if (this.#warned.has(delivery)) continue
      this.#warned.add(delivery)
      this.#runtime.log.warning(
        `Task ${nameOf(delivery.message)} has been held unacknowledged for ${seconds(age)}; after ${seconds(timeout)} RabbitMQ takes it back (consumer_timeout).`,
        { queue: delivery.queue },
      )
    }
  }

  #ageOf(delivery: AmqpDelivery): Ms {
    return this.#runtime.clock.now() - delivery.receivedAt
  }

  /** The queue's own argument wins. */
  #timeoutOf({ source }: AmqpDelivery): Ms {
    const own = source.arguments?.['x-consumer-timeout']
    return typeof own === 'number' ? own : this.#timeout
  }
}

function idOf({ headers, properties }: Message): string | undefined {
  const id = headers['id'] ?? properties.correlationId
  return typeof id === 'string' ? id : undefined
}

function nameOf(message: Message): string {
  const task = message.headers['task']
  return `${typeof task === 'string' ? task : '(unnamed)'}[${idOf(message) ?? 'without id'}]`
}

function seconds(ms: Ms): string {
  return `${Math.round(ms / 1000)} s`
}
