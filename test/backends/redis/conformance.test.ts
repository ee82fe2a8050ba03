import { after, describe, test } from 'node:test'
import { backendConformance } from '../../../src/testing/conformance/backend.js'
import { RedisBackendPlace } from '../../support/backends/redis-place.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'

const missing = await redisMissing()
if (missing !== undefined) test('the redis backend keeps the promises of the port', { skip: missing })
else {
  const database = await redisDatabase()
  after(() => database[Symbol.asyncDispose]())
  const lacks = {
    'size-with-part': 'Python counts by the size that is stored, so that is the one that counts',
    'whole-parts': "Celery's parts hold id, state and value, and Python reads no more of them",
  }
  // Real time passes: several at a time.
  describe('redis', { concurrency: 4 }, () => {
    backendConformance('redis', { create: () => RedisBackendPlace.create(database), lacks }, test)
  })
}
