import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { QueueName } from '../../protocol/ids.js'
import type { DeliveryOwner } from './amqp-delivery.js'
import { Getter, type GetterParts } from './getter.js'

test('after a channel that could not be opened the next one is tried', async () => {
  const queue = 'celery' as QueueName
  let opened = 0
  const channel = { get: async () => undefined, closed: new Promise(() => undefined) } satisfies Partial<AmqpChannel>
  const wire: GetterParts['wire'] = {
    channel: async () => {
      opened++
      if (opened === 1) throw new Error('no channel is left')
      return channel as unknown as AmqpChannel
    },
    flush: () => undefined,
  }
  // Nobody owns what is not there.
  const getter = new Getter({ wire, owner: {} as DeliveryOwner, clock: { now: () => 0 } })
  await assert.rejects(getter.get(queue, 1), /no channel is left/)
  assert.deepEqual(await getter.get(queue, 1), [])
  assert.deepEqual(await getter.get(queue, 1), [])
  assert.equal(opened, 2)
})
