import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueName } from '../../protocol/ids.js'
import { LeasePlace } from './lease-place.js'
import { simulate } from './simulate.js'

const HOUR = 3_600_000

test('whoever waits for a delayed message has it at once when the date is moved to its time', async () => {
  const { value } = await simulate(1, async world => {
    const place = new LeasePlace(world)
    const process = world.process('w')
    const broker = place.reach(process, world.link(process, { place: 'broker' }))
    await using connection = await broker.connect({ name: 'w' })
    const queue = { name: 'q' as QueueName }
    const consumer = await connection.consume([queue], 1)
    const message = { headers: { id: 'a', task: 't' }, properties: {}, body: Buffer.from('[]') }
    const notBefore = world.runtime.clock.now() + 2 * HOUR
    await connection.publish(message as never, { exchange: '', routingKey: 'q' }, { publishId: 'p', notBefore })
    await world.sleep(HOUR)
    const moved = world.now
    world.stepWallClock(HOUR)
    for await (const [delivery] of consumer) {
      await delivery?.ack()
      break
    }
    return world.now - moved
  })
  assert.ok(value < 100, `after ${value} ms`)
})
