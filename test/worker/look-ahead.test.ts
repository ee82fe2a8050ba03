import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { PoolStage } from '../support/pools/pool-stage.js'

const TASKS = `
import { existsSync } from 'node:fs'
const hold = async (release: string) => {
  await currentTask().updateState('HOLDS')
  while (!existsSync(release)) await currentTask().clock.sleep(10)
  return 'held'
}
app.task('early', () => 'quick')
app.task('late', () => 'quick', { acksLate: true })
app.task('hold', hold, { acksLate: true })
`

interface PoolNumbers {
  readonly pool: { readonly writes: { readonly inqueues: { readonly active: number } } }
}

test('quick tasks with late acks are sent to children ahead of their turn; early acks wait for the start', async () => {
  const handed: Record<string, readonly number[]> = {}
  for (const task of ['early', 'late']) {
    await using stage = await PoolStage.open('threads', TASKS, '', { concurrency: 1 })
    const quick = await Promise.all(Array.from({ length: 40 }, () => stage.send(task)))
    for (const id of quick) await stage.end(id)
    const release = `${stage.project.folder}/release`
    const first = await stage.send('hold', [release])
    await stage.until(first, 'HOLDS')
    const others = [await stage.send(task), await stage.send(task), await stage.send(task)]
    const inspect = stage.app.inspect({ limit: 1 })
    let reserved: readonly unknown[] = []
    while (reserved.length < 3) reserved = (await inspect.reserved())['pool@here'] as readonly unknown[]
    const { pool } = (await inspect.stats())['pool@here'] as unknown as PoolNumbers
    const active = (await inspect.active())['pool@here'] as readonly unknown[]
    handed[task] = [pool.writes.inqueues.active, active.length]
    writeFileSync(release, '')
    for (const id of [first, ...others]) assert.equal((await stage.end(id)).status, 'SUCCESS')
  }
  assert.deepEqual(handed['early'], [1, 1])
  const [running = 0, active] = handed['late'] ?? []
  assert.ok(running > 1 && active === 1, `handed over ${running}, active ${active}`)
})
