import { after, describe, test } from 'node:test'
import { openRabbitMq } from '../support/services/rabbitmq.js'
import { blockingCases } from './real/blocking-cases.js'
import { connectionCases } from './real/connection-cases.js'
import { deliveryCases } from './real/delivery-cases.js'
import type { HaltingPlace } from './real/halting-place.js'
import { publishingCases } from './real/publishing-cases.js'
import { revokingCases } from './real/revoking-cases.js'

const rabbit = await openRabbitMq('halting-quorum')
after(() => rabbit[Symbol.asyncDispose]())

const place: HaltingPlace = {
  name: 'rabbitmq-quorum',
  needed: rabbit.needed,
  url: () => rabbit.url,
  settings: { brokerHeartbeat: 2, taskDefaultQueueType: 'quorum', taskCreateMissingQueueType: 'quorum' },
  deleteQueue: name => rabbit.deleteQueue(name),
}

describe('halting cases on RabbitMQ, quorum queues', { concurrency: 3 }, () => {
  connectionCases(place, test)
  deliveryCases(place, test)
  publishingCases(place, test)
  revokingCases(place, test)
})

// Alone: it holds up whatever else runs on this loop.
blockingCases(place, test)
