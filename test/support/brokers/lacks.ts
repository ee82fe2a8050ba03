import type { BrokerHarness } from '../../../src/testing/conformance/broker-harness.js'

export type Lacks = NonNullable<BrokerHarness['lacks']>

const RABBITMQ = {
  delays: 'a message with an eta goes to its queue at once, as with Celery; the worker that gets it parks it',
  dedupe: 'RabbitMQ keeps no ids of what was published',
  enumeration: 'AMQP cannot list queues and bindings; the management API can',
  accounting: 'AMQP does not tell how many messages are held',
  weighing: 'AMQP does not tell how many bytes a queue holds',
  'old-place': 'what failed is published again with its count, behind the others',
  faults: 'a clean hand-back cannot be told from the death of a holder, so it may count once',
  'claim-order': 'RabbitMQ numbers deliveries per channel; attempts of one message are ordered by their faults',
  'wide-integers': 'the client library reads integers of 64 bits as numbers',
  limits: 'AMQP has nothing that could count them; name another store for them with the setting `limitStoreUrl`',
  leases: 'a held message is guarded by its connection',
} satisfies Lacks

const REDIS = {
  priorities: "Kombu's order: four steps, lower numbers first",
  delays:
    "a message with an eta goes to its queue at once, where Python finds it, unless the option `delays` says that all workers are Lovage's",
  topic: "Kombu's patterns route: `a.#` does not match `a`, and `*` may span words",
  fanout: 'what is published while nobody listens is gone',
  'message-ttl': 'messages of a list have no life of their own; the list goes with its reader',
} satisfies Lacks

/**
 * What each broker lacks, and why: columns of docs/reference/brokers.md. The conformance suite runs every case that is not
 * excused here (test/conformance/), and test/docs/brokers.test.ts compares the page.
 */
export const BROKER_LACKS: Readonly<Record<string, Lacks>> = {
  memory: {},
  sqlite: {},
  postgres: {},
  redis: REDIS,
  'amqp classic': RABBITMQ,
  'amqp quorum': {
    ...RABBITMQ,
    priorities: 'quorum queues know none before RabbitMQ 4',
    'auto-delete': 'quorum queues stay',
    'message-ttl': 'quorum queues stay',
    'many-queues': 'each quorum queue is a group of servers of its own, and takes its time',
  },
}

export function lacksOf(broker: string): Lacks {
  const lacks = BROKER_LACKS[broker]
  if (lacks === undefined) throw new Error(`${broker} has no column in test/support/brokers/lacks.ts`)
  return lacks
}
