import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../../src/brokers/errors.js'
import { redisAddress } from '../../../src/drivers/redis/redis-url.js'
import { taskId } from '../../../src/protocol/ids.js'
import { redisBackend } from '../../support/backends/redis-place.js'
import { freePort } from '../../support/services/free-port.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'
import { connect, eventually, publish, QUEUE } from './rig.js'

const missing = redisServerMissing()
const skip = missing === undefined ? {} : { skip: missing }

test('sentinels name the master; after a fail-over the next connection finds the new one', skip, async () => {
  await using master = await privateRedis()
  await using replica = await privateRedis({ replicaOf: { port: master.port } })
  const replicaClient = await replica.client()
  await eventually('replication', async () =>
    /master_link_status:up/.test(await replicaClient.info('replication')) ? true : undefined,
  )
  await using sentinel = await privateRedis({ sentinelOf: { name: 'ours', port: master.port } })
  const dead = await freePort()
  const url = `sentinel://127.0.0.1:${dead}/0;sentinel://127.0.0.1:${sentinel.port}`
  const options = { address: { options: { master_name: 'ours' } } }
  {
    await using rig = await connect(url, options)
    await rig.connection.declare({ queues: [{ name: QUEUE }] })
    await publish(rig.connection, 'kept')
    await eventually('a copy', async () => ((await replicaClient.llen('tasks')) === 1 ? true : undefined))
    const sentinelClient = await sentinel.client()
    await eventually('the sentinel to know the replica', async () => {
      const known = (await sentinelClient.call('SENTINEL', 'replicas', 'ours')) as readonly unknown[]
      return known.length === 1 ? true : undefined
    })
    await master.kill()
    const reason = await rig.connection.closed
    assert.ok(reason.kind === 'lost' && reason.error.transient)
  }
  const again = await eventually('the new master', () => connect(url, options).catch(() => undefined), 60_000)
  await using rig = again
  const [delivery] = await rig.connection.get(QUEUE, 1)
  assert.equal(String(delivery?.message.body), 'kept')
  await using backend = redisBackend(url, { address: redisAddress(url, options.address) })
  assert.equal(await backend.fetch(taskId('none')), undefined)
})

test('sentinels without a master of that name, or none that answers', skip, async () => {
  await using master = await privateRedis()
  await using sentinel = await privateRedis({ sentinelOf: { name: 'ours', port: master.port } })
  const dead = await freePort()
  for (const [url, text] of [
    [`sentinel://127.0.0.1:${sentinel.port}/0`, /knows no master/],
    [`sentinel://:canary@127.0.0.1:${dead}/0`, /ECONNREFUSED/],
  ] as const) {
    await assert.rejects(connect(url, { address: { options: { masterName: 'theirs' } } }), error => {
      assert.ok(error instanceof BrokerError && error.code === 'LVG_REDIS_NO_MASTER' && error.transient, String(error))
      assert.match(error.message, text)
      assert.match(error.message, /theirs.*masterName/s)
      assert.doesNotMatch(error.message, /canary/)
      return true
    })
  }
})
