import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { BrokerError, RejectedByBrokerError } from '../../src/brokers/errors.js'
import { openRabbitMq } from '../support/services/rabbitmq.js'
import { needsRabbitMqNode, RabbitMqNode } from '../support/services/rabbitmq-node.js'
import { blockingCases } from './real/blocking-cases.js'
import { connectionCases } from './real/connection-cases.js'
import { deliveryCases } from './real/delivery-cases.js'
import type { HaltingPlace } from './real/halting-place.js'
import { publishingCases } from './real/publishing-cases.js'
import { revokingCases } from './real/revoking-cases.js'
import { Rig } from './real/rig.js'

const rabbit = await openRabbitMq('halting')
after(() => rabbit[Symbol.asyncDispose]())

const place: HaltingPlace = {
  name: 'rabbitmq',
  needed: rabbit.needed,
  url: () => rabbit.url,
  settings: { brokerHeartbeat: 2 },
  deleteQueue: name => rabbit.deleteQueue(name),
}

describe('halting cases on RabbitMQ, classic queues', { concurrency: 3 }, () => {
  connectionCases(place, test)
  deliveryCases(place, test)
  publishingCases(place, test)
  revokingCases(place, test)
})

// Alone: it holds up whatever else runs on this loop.
blockingCases(place, test)

test(
  'F31 rabbitmq: a queue that is full refuses messages with a typed error, and takes them when there is room',
  rabbit.needed,
  async () => {
    await rabbit.setPolicy('full', '^f31$', { 'max-length': 2, overflow: 'reject-publish' })
    await using rig = await Rig.open(place, 'f31', { taskPublishRetry: false })
    const ids = await rig.send('fits', 2)
    await assert.rejects(
      async () => {
        for (let n = 0; n < 10; n++) await rig.send(`refused${n}-`, 1)
      },
      (error: unknown) => error instanceof RejectedByBrokerError,
    )
    await rig.worker()
    await rig.ended(ids)
    await rig.empty()
    await rabbit.clearPolicy('full')
    await rig.drained(await rig.send('after', 5))
  },
)

test(
  'F30 D04 rabbitmq: a broker that blocks its publishers is told in time, consuming goes on, and so does publishing later',
  needsRabbitMqNode,
  async () => {
    await using node = await RabbitMqNode.start()
    const own: HaltingPlace = { ...place, needed: {}, url: () => node.url }
    await using rig = await Rig.open(own, 'f30')
    const ids = await rig.send('before', 10, 300)
    await node.eval('vm_memory_monitor:set_vm_memory_high_watermark(0.0000001).')
    await rig.worker({ concurrency: 1 })
    const started = performance.now()
    await assert.rejects(
      rig.client.sendTask('probe', [1], { taskId: 'f30-blocked', publishTimeout: 2 }),
      (error: unknown) => error instanceof BrokerError,
    )
    assert.ok(performance.now() - started < 15_000)
    await rig.ended(ids)
    await node.eval('vm_memory_monitor:set_vm_memory_high_watermark(0.4).')
    await rig.ended(await rig.send('after', 5))
  },
)

test(
  'H20 H09 F29 rabbitmq: a task that outlasts the consumer timeout loses its channel once, is told of once, runs once, and short ones run beside it',
  needsRabbitMqNode,
  async () => {
    await using node = await RabbitMqNode.start()
    const settings =
      'application:set_env(rabbit, consumer_timeout, 4000), application:set_env(rabbit, channel_tick_interval, 500).'
    await node.eval(settings)
    const own: HaltingPlace = { ...place, needed: {}, url: () => node.url }
    await using rig = await Rig.open(own, 'h20', { rabbitmqConsumerTimeout: 4 })
    const { log } = await rig.worker()
    const ids = await rig.send('long', 1, 6000)
    await rig.started(ids)
    for (let n = 0; rig.times(String(ids[0]), 'end') === 0; n++) {
      ids.push(...(await rig.send(`short${n}-`, 1)))
      await rig.pause(200)
    }
    await rig.drained(ids)
    rig.once(ids)
    assert.equal(log.filter(line => /lost:.*consumer_timeout/.test(line.message)).length, 1)
    assert.equal((await rig.stats('h20.dead')).ready, 0)
    await rig.hasOneConsumer()
  },
)

test(
  'F29 rabbitmq: a right that is withdrawn is told by its code, and not asked for in a hot loop',
  rabbit.needed,
  async () => {
    const user = `${rabbit.vhost}-f29`
    await rabbit.addUser(user, 'pw', ['.*', '.*', '.*'])
    const own: HaltingPlace = { ...place, url: () => rabbit.urlAs(user, 'pw') }
    await using rig = await Rig.open(own, 'f29')
    const { worker, log } = await rig.worker()
    await rig.drained(await rig.send('before', 4))
    await rabbit.setRights(user, ['.*', '.*', '^$'])
    await rabbit.ctl('close_all_user_connections', user, 'rights were withdrawn')
    const end = await worker.closed
    assert.ok(end.kind === 'failed' && end.error instanceof BrokerError && end.error.code === 'LVG_BROKER_ACCESS')
    assert.ok(log.filter(line => /Cannot connect/.test(line.message)).length <= 5)
  },
)
