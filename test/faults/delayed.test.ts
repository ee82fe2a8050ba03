import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { House, stop } from './house.js'
import { LONG } from './long.js'

/* Many delayed tasks: reliability F62. */

const COUNT = LONG ? 200_000 : 10_000
const AHEAD = LONG ? 120_000 : 20_000
const SPREAD = LONG ? 30_000 : 2_000
/** Bytes that a worker may need for tasks that wait. */
const ALLOWED = 32 * 1024 * 1024

const TASKS = `app.task('tasks.due', (i: number) => note(i + ' ' + Date.now()), { ignoreResult: true })`

test(`F62 ${COUNT} delayed tasks wait in the file, not in the worker; each runs once, none before its time`, async t => {
  await using house = new House({ tasks: TASKS })
  const worker = await house.worker({ words: ['-c', '20'] })
  const before = peakMemory(worker.pid)
  const first = Date.now() + AHEAD
  const due = (i: number): number => first + Math.floor((i * SPREAD) / COUNT)
  for (let i = 0; i < COUNT; i += 1000) {
    const chunk = Array.from({ length: Math.min(1000, COUNT - i) }, (_, k) => i + k)
    await Promise.all(
      chunk.map(n => house.client.sendTask('tasks.due', [n], { eta: new Date(due(n)), ignoreResult: true })),
    )
  }
  const published = Date.now()
  const grown = peakMemory(worker.pid) - before
  assert.ok(published < first, 'published too late: some were due already')
  await eventually(
    'all to have run',
    async () => (house.ran().length >= COUNT ? true : undefined),
    LONG ? 600_000 : 60_000,
  )
  const ran = house.ran().map(line => line.split(' ').map(Number))
  t.diagnostic(
    `published by ${published - first + AHEAD} ms; last ran ${Date.now() - due(COUNT - 1)} ms after its eta; worker: ${mib(grown)} MiB more while they waited, ${mib(peakMemory(worker.pid) - before)} while they ran`,
  )
  assert.equal(new Set(ran.map(([n]) => n)).size, COUNT)
  assert.equal(ran.length, COUNT)
  assert.deepEqual(
    ran.filter(([n = 0, at = 0]) => at < due(n)),
    [],
  )
  assert.ok(grown < ALLOWED, `${grown} bytes more`)
  assert.deepEqual(await stop(worker), { code: 0, signal: null })
})

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}

/** Bytes; 0 where the system does not tell. */
function peakMemory(pid: number): number {
  if (process.platform !== 'linux') return 0
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}
