import type { BrokerFeatures, Exchange } from '../brokers/broker.js'

/** Where events go (setting `eventExchange`), of the type that this broker has for them. Source: celery/events/event.py `get_exchange`. */
export function eventExchange(name: string, features: Pick<BrokerFeatures, 'eventExchange'>): Exchange {
  return { name, type: features.eventExchange ?? 'topic', durable: true }
}
