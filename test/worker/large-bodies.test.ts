import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { type Deferred, deferred } from '../../src/lib/deferred.js'
import type { Clock } from '../../src/lib/runtime.js'
import type { Message } from '../../src/protocol/message.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'
import { onStage } from '../support/worker/stage.js'

/* M12: while a large body is read, the event loop has its turns. What may happen in one of them. */

/** Each turn that is given while a body is read waits here. */
function holdTurns(clock: { sleep: Clock['sleep'] }): Deferred<void> {
  const gate = deferred<void>()
  const sleep = clock.sleep.bind(clock)
  clock.sleep = (ms, signal) => (ms === 0 ? gate.promise : sleep(ms, signal))
  return gate
}

const LARGE = 'x'.repeat(300_000)

function message(id: string, text: string): Message {
  return {
    headers: { task: 'note', id, lang: 'py' },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    body: Buffer.from(JSON.stringify([[text], {}, {}])),
  }
}

function stand(ran: string[]): Rig<MemoryPlace> {
  const define = (app: App): void => {
    app.task('note', (text: string) => void ran.push(text.slice(0, 5)), { acksLate: true })
  }
  return new Rig(runtime => new MemoryPlace(runtime), define)
}

describe('M12 while a large body is read', () => {
  test('what came after it waits, and starts behind it (D07)', async () => {
    const ran: string[] = []
    await using rig = stand(ran)
    const gate = holdTurns(rig.runtime.clock)
    await rig.worker('w', { concurrency: 1 })
    await rig.publish(message('a', LARGE), 'a')
    await rig.publish(message('b', 'small'), 'b')
    await rig.pass(1000)
    assert.deepEqual(ran, [])
    gate.resolve()
    await rig.pass(1000)
    assert.deepEqual(ran, ['xxxxx', 'small'])
  })

  test('a stop hands it back at once with all that came after it, uncounted (D82)', async () => {
    const ran: string[] = []
    await using rig = stand(ran)
    const gate = holdTurns(rig.runtime.clock)
    const worker = await rig.worker()
    await rig.publish(message('a', LARGE), 'a')
    await rig.publish(message('b', 'small'), 'b')
    await rig.pass(1000)
    const stopped = worker.stop('warm')
    await rig.pass(1000)
    const connection = await rig.connection()
    const { ready, held } = await rig.wait(connection.stats('celery' as never))
    assert.deepEqual([ready, held], [2, 0])
    gate.resolve()
    await rig.wait(stopped)
    assert.deepEqual(ran, [])
    const [first] = await rig.wait(connection.get('celery' as never, 1))
    assert.equal(first?.faults, 0)
  })

  test('the connection is lost: it runs once, from its redelivery', async () => {
    const gates: Deferred<void>[] = []
    const prepare = (app: App, process: { readonly name: string }): void => {
      if (process.name === 'w') gates.push(holdTurns(app.runtime.clock as { sleep: Clock['sleep'] }))
    }
    await onStage({ tasks: { note: [() => 1, { acksLate: true }] }, prepare }, async stage => {
      const { broker } = await stage.worker()
      await stage.app.sendTask('note', [LARGE], { taskId: 'a' })
      await stage.app.sendTask('note', ['small'], { taskId: 'b' })
      await stage.world.sleep(1000)
      assert.deepEqual([gates.length, stage.journal.length], [1, 0])
      broker.cut()
      await stage.world.sleep(1000)
      broker.heal()
      gates[0]?.resolve()
      await stage.quiet()
      assert.deepEqual([stage.runs('a'), stage.runs('b')], [1, 1])
    })
  })
})
