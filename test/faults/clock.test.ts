import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Database } from '../../src/drivers/sqlite/database.js'
import { House, stop } from './house.js'

/* A wall clock that steps under running processes: reliability F50, D96. */

const HOUR = 3_600_000
const STEPS = [HOUR, -HOUR, 24 * HOUR, -24 * HOUR, 1000, -1000, 0]

test('F50 D96 a wall clock that steps by hours and days: nothing is redelivered, no lease is lost, and work goes on', async () => {
  await using house = new House({
    settings: 'taskAcksLate: true, leaseTime: 3, leaseRenewInterval: 0.5, resultExpires: "30d"',
  })
  const offset = house.path('offset')
  const step = (ms: number): void => writeFileSync(offset, String(ms).padEnd(20))
  step(0)
  const clock = new URL('./children/stepped-clock.js', import.meta.url).href
  const env = { NODE_OPTIONS: `--import ${clock}`, CLOCK_OFFSET: offset }
  const workers = [await house.worker({ words: ['-n', 'a@x'], env }), await house.worker({ words: ['-n', 'b@x'], env })]
  const held = await house.client.sendTask('tasks.hold', ['held'])
  await house.hasRun('began held')
  const stamps: number[] = []
  for (const [i, ms] of STEPS.entries()) {
    step(ms)
    const { id } = await house.client.sendTask('tasks.note', [`step ${i}`])
    await house.hasRun(`step ${i}`)
    await house.ended(id)
    stamps.push(wallOf(house.database, id))
  }
  house.release()
  assert.equal(await house.ended(held.id), 'SUCCESS')
  assert.equal(house.ran().filter(line => line === 'began held').length, 1)
  for (const worker of workers) {
    assert.doesNotMatch(worker.stderr, /lease|lost/i)
    assert.deepEqual(await stop(worker), { code: 0, signal: null })
  }
  // Their clocks did step: else nothing was shown.
  assert.ok((stamps[2] ?? 0) - (stamps[3] ?? 0) > 40 * HOUR)
})

test('F50 a delayed task becomes due when the clock steps past its eta, and not before', async () => {
  await using house = new House()
  const offset = house.path('offset')
  writeFileSync(offset, '0'.padEnd(20))
  const clock = new URL('./children/stepped-clock.js', import.meta.url).href
  const worker = await house.worker({ env: { NODE_OPTIONS: `--import ${clock}`, CLOCK_OFFSET: offset } })
  await house.client.sendTask('tasks.note', ['in an hour'], { countdown: 3600 })
  await house.client.sendTask('tasks.note', ['now'])
  await house.hasRun('now')
  assert.equal((await house.queue())?.delayed, 1)
  writeFileSync(offset, String(HOUR + 1000).padEnd(20))
  await house.hasRun('in an hour')
  assert.deepEqual(await stop(worker), { code: 0, signal: null })
})

/** When the worker's clock says that the task was done, epoch ms. */
function wallOf(path: string, id: string): number {
  const db = new Database(path, { durability: 'os' })
  const row = db.get('SELECT date_done FROM celery_taskmeta WHERE task_id = ?1', id)
  db.close()
  return Date.parse(`${String(row?.['date_done']).replace(' ', 'T')}Z`)
}
