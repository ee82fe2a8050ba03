import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onStage, type Stage } from '../support/worker/stage.js'

async function hears(stage: Stage): Promise<readonly string[]> {
  for (;;) {
    const queues = (await stage.app.inspect({ limit: 1 }).activeQueues())['w@sim']
    if (Array.isArray(queues)) return queues.map(({ name }) => name)
  }
}

test('H11 queues that are added and taken away by remote control stay so over reconnects, both ways', async () => {
  await onStage({ tasks: { t: () => 1 } }, async stage => {
    const { broker } = await stage.worker()
    await hears(stage)
    await stage.app.control.addConsumer('extra', { exchange: 'ex', exchangeType: 'topic', routingKey: 'a.#' })
    await stage.world.sleep(1000)
    broker.cut()
    await stage.world.sleep(2000)
    broker.heal()
    assert.deepEqual(await hears(stage), ['celery', 'extra'])
    await stage.app.sendTask('t', [], { taskId: 'kept', exchange: 'ex', routingKey: 'a.b' })
    await stage.quiet()
    assert.equal(stage.runs('kept'), 1)
    await stage.app.control.cancelConsumer('extra')
    await stage.world.sleep(1000)
    broker.cut()
    await stage.world.sleep(2000)
    broker.heal()
    assert.deepEqual(await hears(stage), ['celery'])
    await stage.app.sendTask('t', [], { taskId: 'left', exchange: 'ex', routingKey: 'a.b' })
    await stage.world.sleep(10_000)
    assert.equal(stage.runs('left'), 0)
  })
})
