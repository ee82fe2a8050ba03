import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { type TestOptions, test } from 'node:test'
import { Database } from '../../src/drivers/sqlite/database.js'
import type { LovageProcess } from '../cli/process.js'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { House, stop } from './house.js'

/* Too many open files: reliability F11. */

const linux: TestOptions = {
  skip: process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0 ? false : 'lacks prlimit',
}

function limit(worker: LovageProcess, files: number): void {
  const { status, stderr } = spawnSync('prlimit', [`--pid=${worker.pid}`, `--nofile=${files}:`])
  assert.equal(status, 0, String(stderr))
}

function open(worker: LovageProcess): number {
  return readdirSync(`/proc/${worker.pid}/fd`).length
}

test(
  'F11 a worker that may not open what it needs says so and exits with an error, whatever the limit',
  linux,
  async () => {
    await using house = new House()
    for (const files of [24, 48, 56, 64]) {
      const worker = house.spawn({ under: ['sh', '-c', `ulimit -n ${files} && exec "$@"`, 'sh'] })
      const first = await Promise.race([worker.says(/ready\.|Cannot connect to/).catch(() => undefined), worker.ended])
      if (first === undefined) worker.kill('SIGTERM')
      const { code } = await worker.end()
      assert.notEqual(worker.stderr, '', `nothing was said with ${files} files`)
      assert.ok(code !== null && code < 128 + 64, `${files} files: exit ${code}`)
    }
  },
)

test(
  'F11 a worker that loses its session while no file can be opened reconnects when it can, and leaks nothing',
  linux,
  async () => {
    await using house = new House({ settings: 'leaseTime: 4, leaseRenewInterval: 1' })
    const worker = await house.worker()
    await house.client.sendTask('tasks.note', ['before'])
    await house.hasRun('before')
    robLeases(house.database)
    await worker.says(/Connected to .* again/)
    await house.client.sendTask('tasks.note', ['between'])
    await house.hasRun('between')
    const before = await settled(worker)
    limit(worker, 16)
    robLeases(house.database)
    await worker.says(/Cannot connect to .*/)
    await house.client.sendTask('tasks.note', ['meanwhile'])
    limit(worker, 1024)
    await house.hasRun('meanwhile')
    assert.ok((await settled(worker)) <= before, `${before} files before, ${open(worker)} after`)
    assert.deepEqual(await stop(worker), { code: 0, signal: null })
  },
)

/** Its sessions are lost. */
function robLeases(path: string): void {
  const db = new Database(path, { durability: 'os' })
  db.exec('DELETE FROM lovage_holder')
  db.close()
}

/** Open files, once what was closed last is closed. */
async function settled(worker: LovageProcess): Promise<number> {
  let last = 0
  return await eventually('the number of open files to stay', async () => {
    const [before, now] = [last, open(worker)]
    last = now
    await new Promise(resolve => setTimeout(resolve, 500))
    return before === now ? now : undefined
  })
}
