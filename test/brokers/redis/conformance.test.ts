import { after, describe, test } from 'node:test'
import { brokerConformance } from '../../../src/testing/conformance/broker.js'
import type { BrokerHarness } from '../../../src/testing/conformance/broker-harness.js'
import { lacksOf } from '../../support/brokers/lacks.js'
import { RedisPlace, ThreadRedisPlace } from '../../support/brokers/redis-places.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'

const missing = await redisMissing()
if (missing !== undefined) test('the redis broker keeps the promises of the port', { skip: missing })
else {
  const database = await redisDatabase()
  after(() => database[Symbol.asyncDispose]())
  brokerConformance('redis', { create: () => RedisPlace.create(database), lacks: lacksOf('redis') }, test)
  const { delays: _delays, ...lacks } = lacksOf('redis')
  const leases = 'a thread keeps its lease by itself; test/brokers/redis/leases.test.ts does it to processes'
  const withDelays: BrokerHarness = {
    create: () => ThreadRedisPlace.create(database, { delays: true }),
    lacks: { ...lacks, leases },
  }
  // Their leases are on threads, which the work of another case cannot hold up: several at a time.
  describe('redis with delays, leases on threads', { concurrency: 4 }, () => {
    brokerConformance('redis with delays, leases on threads', withDelays, test)
  })
}
