import { after, test } from 'node:test'
import { brokerConformance, type RegisterTest } from '../../src/testing/conformance/broker.js'
import { AmqpPlace } from '../support/brokers/amqp-place.js'
import { lacksOf } from '../support/brokers/lacks.js'
import { openRabbitMq } from '../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('conformance')
after(() => rabbit[Symbol.asyncDispose]())

const needing: RegisterTest = (name, options, body) => test(name, { ...options, ...rabbit.needed }, body)

for (const type of ['classic', 'quorum'] as const) {
  const name = `amqp ${type}`
  brokerConformance(name, { create: async () => new AmqpPlace(rabbit, type), lacks: lacksOf(name) }, needing)
}
