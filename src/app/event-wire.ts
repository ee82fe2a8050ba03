import type { BrokerFeatures, Queue } from '../brokers/broker.js'
import { eventExchange } from '../events/event-exchange.js'
import { eventQueue } from '../events/event-queue.js'
import type { Random } from '../lib/runtime.js'
import { uuid4 } from '../lib/uuid.js'
import type { SigningOptions } from '../protocol/auth-serializer.js'
import type { Codec } from '../protocol/codec.js'
import { createCodec } from '../protocol/create-codec.js'
import type { Limits } from '../protocol/limits.js'
import type { Settings } from './settings.js'

/** How events travel, by the settings `event…`. */
export class EventWire {
  /** Reads JSON whatever the others write, as Celery's receivers do; where events are signed, nothing else. */
  readonly codec: Codec
  readonly serializer: string
  readonly #settings: Settings

  constructor(settings: Settings, limits: Limits, signing: SigningOptions | undefined) {
    const { eventSerializer: serializer, jsonPlainTypes: plainTypes } = settings
    const common = { serializer, limits, plainTypes }
    this.codec =
      signing === undefined || serializer !== 'auth'
        ? createCodec({ ...common, accept: ['json', serializer] })
        : createCodec({ ...common, accept: [serializer], signing })
    this.serializer = serializer
    this.#settings = settings
  }

  exchange(features: BrokerFeatures): ReturnType<typeof eventExchange> {
    return eventExchange(this.#settings.eventExchange, features)
  }

  /** A queue of its own for one receiver. */
  queue(routingKey: string, features: BrokerFeatures, random: Random): Queue {
    const settings = this.#settings
    return eventQueue(uuid4(random), this.exchange(features), routingKey, {
      prefix: settings.eventQueuePrefix,
      ttl: settings.eventQueueTtl,
      expires: settings.eventQueueExpires,
      durable: settings.eventQueueDurable,
      exclusive: settings.eventQueueExclusive,
    })
  }
}
