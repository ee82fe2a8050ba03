import assert from 'node:assert/strict'
import { type TestOptions, test } from 'node:test'
import type { LovageProcess } from '../cli/process.js'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { House } from './house.js'

/* Tasks that take their worker along: reliability F10, F60. */

const posix: TestOptions = { skip: process.platform === 'win32' ? 'lacks such signals' : false }

const TASKS = `
app.task('tasks.hog', (text: string) => {
  note('began ' + text)
  const hoard: number[][] = []
  for (;;) hoard.push(new Array(10_000).fill(hoard.length))
})
app.task('tasks.kill', (text: string) => { note('began ' + text); process.kill(process.pid, 'SIGKILL') })
`

for (const [task, fault, what] of [
  ['tasks.hog', 'F10 F60', 'runs out of memory'],
  ['tasks.kill', 'F60', 'kills its process'],
] as const) {
  test(
    `${fault} a task that ${what} is run maxDeliveries times, then is a dead letter; the good ones around it all run`,
    posix,
    async () => {
      await using house = new House({ tasks: TASKS, settings: 'taskAcksLate: true' })
      const start = (): LovageProcess =>
        house.spawn({ words: ['-c', '1'], env: { NODE_OPTIONS: '--max-old-space-size=48' } })
      const good = [await house.client.sendTask('tasks.note', ['good 0'])]
      const bad = await house.client.sendTask(task, ['bad'])
      for (let i = 1; i < 5; i++) good.push(await house.client.sendTask('tasks.note', [`good ${i}`]))
      for (let deaths = 0; deaths < 3; deaths++) {
        const { code, signal } = await start().end()
        assert.ok(code === 134 || signal === 'SIGABRT' || signal === 'SIGKILL', `exit ${code} ${signal}`)
      }
      start()
      assert.equal(await house.ended(bad.id), 'FAILURE')
      assert.equal((await house.client.result(bad.id).meta()).error?.type, 'PoisonTaskError')
      for (const { id } of good) assert.equal(await house.ended(id), 'SUCCESS')
      const ran = house.ran()
      assert.equal(ran.filter(line => line === 'began bad').length, 3)
      await eventually('the dead letter', async () =>
        (await house.queue('celery.dead'))?.ready === 1 ? true : undefined,
      )
    },
  )
}
