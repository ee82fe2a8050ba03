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

interface Handed {
  /** Tasks that the pool was given and has not given back. */
  readonly given: number
  /** Those that run. */
  readonly active: number
}

test('quick tasks with late acks are sent to children ahead of their turn', async () => {
  await using stage = await PoolStage.open('threads', TASKS, '', { concurrency: 1 })
  // On a busy machine even these are not quick every time.
  for (let round = 1; ; round++) {
    const { given, active } = await handedOver(stage, 'late', round)
    assert.equal(active, 1)
    if (given > 1) return
    assert.ok(round < 30, 'nothing was ever sent ahead')
  }
})

test('those with early acks wait for their start', async () => {
  await using stage = await PoolStage.open('threads', TASKS, '', { concurrency: 1 })
  for (const round of [1, 2, 3]) {
    assert.deepEqual(await handedOver(stage, 'early', round), { given: 1, active: 1 })
  }
})

/** A task that holds the only child, with three behind it, after many quick ones. */
async function handedOver(stage: PoolStage, task: string, round: number): Promise<Handed> {
  const quick = await Promise.all(Array.from({ length: 40 }, () => stage.send(task)))
  for (const id of quick) await stage.end(id)
  const release = stage.project.path(`release-${round}`)
  const first = await stage.send('hold', [release])
  await stage.until(first, 'HOLDS')
  const others = [await stage.send(task), await stage.send(task), await stage.send(task)]
  const inspect = stage.app.inspect({ limit: 1 })
  let reserved: readonly unknown[] = []
  while (reserved.length < others.length) reserved = (await inspect.reserved())['pool@here'] as readonly unknown[]
  const { pool } = (await inspect.stats())['pool@here'] as unknown as PoolNumbers
  const active = (await inspect.active())['pool@here'] as readonly unknown[]
  writeFileSync(release, '')
  for (const id of [first, ...others]) assert.equal((await stage.end(id)).status, 'SUCCESS')
  return { given: pool.writes.inqueues.active, active: active.length }
}
