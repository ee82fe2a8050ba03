import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificatesMissing, makeCertificates } from './certificates.js'
import { privateRedis, redisDatabase, redisMissing, redisServerMissing } from './redis.js'

/* The servers that tests bring up are what the tests say they are. */

const server = await redisMissing()
const binary = redisServerMissing()
const openssl = certificatesMissing()

const skipWithout = (reason: string | undefined): { readonly skip?: string } =>
  reason === undefined ? {} : { skip: reason }

test('two databases of the shared server are two, and empty again afterwards', skipWithout(server), async () => {
  const first = await redisDatabase()
  const second = await redisDatabase()
  assert.notEqual(first.db, second.db)
  await first.client.set('a', '1')
  assert.equal(await second.client.get('a'), null)
  await first[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
})

test('a private server comes back with what it kept', skipWithout(binary), async () => {
  await using server = await privateRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
  const client = await server.client()
  await client.set('a', '1')
  await server.kill()
  await server.start()
  assert.equal(await (await server.client()).get('a'), '1')
})

test('a private server speaks TLS, to clients who can check it', skipWithout(binary ?? openssl), async () => {
  using files = makeCertificates()
  const { certificate, key } = files.server
  await using server = await privateRedis({ tls: { certificate, key, authority: files.authority } })
  const { readFileSync } = await import('node:fs')
  const tls = { ca: readFileSync(files.authority) }
  const client = await server.client({ path: undefined as never, host: 'localhost', port: server.port, tls })
  assert.equal(await client.ping(), 'PONG')
})

test('a sentinel knows its master', skipWithout(binary), async () => {
  await using master = await privateRedis()
  await using sentinel = await privateRedis({ sentinelOf: { name: 'ours', port: master.port } })
  const client = await sentinel.client()
  assert.deepEqual(await client.call('SENTINEL', 'get-master-addr-by-name', 'ours'), ['127.0.0.1', String(master.port)])
})
