import assert from 'node:assert/strict'
import { test } from 'node:test'
import { onStage } from '../support/worker/stage.js'

test('F63 a thousand broadcasts a second, and an asker who dies of it: tasks keep flowing, and who asks then is answered', async () => {
  await onStage({ tasks: { t: () => 1 } }, async stage => {
    await stage.worker('w')
    const asker = stage.cluster.client('asker')
    const sent: number[] = []
    let [asked, answered] = [0, 0]
    for (let ms = 0; ms < 1000; ms++) {
      // From the middle on there is nobody at his reply queue.
      if (ms === 500) asker.process.kill()
      if (ms < 500) {
        asked++
        void asker.app.control.ping({ timeout: '500ms', limit: 1 }).then(replies => {
          answered += Object.keys(replies).length
        })
      } else void stage.app.control.ping({ timeout: '500ms', limit: 1 }).catch(() => undefined)
      if (ms % 50 === 0) {
        await stage.app.sendTask('t', [], { taskId: `t${sent.length}` })
        sent.push(stage.world.now)
      }
      await stage.world.sleep(1)
    }
    await stage.quiet()
    for (const [n, at] of sent.entries()) {
      const [run, again] = stage.entries(`t${n}`)
      assert.ok(run !== undefined && again === undefined && run.at - at < 1000, `t${n} ran in time, once`)
    }
    assert.ok(answered > asked / 2, `${answered} of ${asked} were answered before the asker died`)
    assert.deepEqual(await stage.app.control.ping({ timeout: '5s', limit: 1 }), { 'w@sim': { ok: 'pong' } })
  })
})
