import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { redisServerMissing } from '../support/services/redis.js'
import { grownHandles, type SoakReport } from './soak.js'

const MIB = 1024 * 1024
const RUN = fileURLToPath(new URL('./run.js', import.meta.url))

/** A process of its own: what other tests leave behind must not be counted. Bounded by the test's own deadline. */
async function soakIn(args: readonly string[], signal: AbortSignal): Promise<SoakReport> {
  const child = spawn(process.execPath, ['--expose-gc', RUN, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject))
  return JSON.parse(output) as SoakReport
}

for (const broker of ['memory', 'sqlite'] as const) {
  test(`S-1 50,000 tasks over ${broker} leave no more than 8 MiB of heap and no handle behind`, {
    timeout: 300_000,
  }, async t => {
    const args = ['--broker', broker, '--tasks', '50000', '--warm-up', '10000']
    const { warm, end } = await soakIn(args, t.signal)
    assert.equal(end.tasks, 50_000)
    assert.ok(end.heap - warm.heap <= 8 * MIB, `the heap grew from ${warm.heap} to ${end.heap} bytes`)
    assert.deepEqual(end.handles, warm.handles)
  })
}

for (const [broker, pool] of [
  ['redis', 'inline'],
  ['sqlite', 'prefork'],
  ['redis', 'threads'],
] as const) {
  test(`S-1 10,000 tasks over ${broker} in the pool ${pool} leave no more than 8 MiB of heap and no handles behind`, {
    timeout: 300_000,
    skip: (broker === 'redis' ? redisServerMissing() : undefined) ?? false,
  }, async t => {
    const args = ['--broker', broker, '--pool', pool, '--tasks', '10000', '--warm-up', '3000']
    const { warm, end } = await soakIn(args, t.signal)
    assert.equal(end.tasks, 10_000)
    assert.ok(end.heap - warm.heap <= 8 * MIB, `the heap grew from ${warm.heap} to ${end.heap} bytes`)
    assert.deepEqual(grownHandles(warm, end), [])
  })
}

test('H52 20,000 tasks, half of them failing deep in their stacks, whose results nobody reads, leave no more than 8 MiB of heap', {
  timeout: 300_000,
}, async t => {
  const args = ['--broker', 'sqlite', '--failing', '--tasks', '20000', '--warm-up', '5000']
  const { warm, end } = await soakIn(args, t.signal)
  assert.equal(end.tasks, 20_000)
  assert.ok(end.heap - warm.heap <= 8 * MIB, `the heap grew from ${warm.heap} to ${end.heap} bytes`)
  assert.deepEqual(end.handles, warm.handles)
})
