import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoopBeat } from '../../src/lib/loop-beat.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import type { Call } from '../../src/pools/pool.js'
import { Lookout } from '../../src/worker/loop-lookout.js'
import { LoopWatch } from '../../src/worker/loop-watch.js'
import { handRuntime } from '../app/hand-runtime.js'

/** All of a call that the watch looks at. */
function call(task: string, id: string): Call {
  return { request: { task, id } } as unknown as Call
}

function rig() {
  const runtime = handRuntime()
  const { clock, lines } = runtime
  const beat = new LoopBeat()
  const lags: number[] = []
  const watch = new LoopWatch({ runtime, limit: 5000, beat, looked: lag => void lags.push(lag) })
  watch.start()
  return { clock, lines, beat, lags, watch }
}

test('a loop that turns has no lag, and nothing is said', async () => {
  const { clock, lines, lags, watch } = rig()
  await clock.pass(3000)
  assert.deepEqual([lags, lines, watch.block], [[0, 0, 0], [], undefined])
})

test('H47 a block above the limit is told with the tasks that were under way, those that have ended meanwhile too', async () => {
  const { clock, lines, lags, watch } = rig()
  await clock.pass(1000)
  const computing = call('demo.compute', 'a')
  watch.entered(call('demo.wait', 'b'), clock.steady() - 10)
  watch.entered(computing, clock.steady())
  clock.stall(120_000)
  watch.left(computing, clock.steady())
  await clock.pass(1000)
  assert.equal(lags[1], 119_000)
  assert.deepEqual(watch.block?.tasks, ['demo.wait[b]', 'demo.compute[a]'])
  assert.match(
    lines[0]?.message ?? '',
    /stood still for 119\.0 s; running meanwhile: demo\.wait\[b\], demo\.compute\[a\]/,
  )
  await clock.pass(1000)
  assert.equal(lines.length, 1)
})

test('a short block is measured and not told', async () => {
  const { clock, lines, lags } = rig()
  await clock.pass(500)
  clock.stall(4000)
  await clock.pass(500)
  assert.deepEqual([lags, lines], [[3500], []])
})

test('H47 while the loop stands still the lookout names what was entered last, at the limit and each time it has lasted twice as long', async () => {
  const { clock, beat, watch } = rig()
  const { log, lines } = memoryLog()
  const lookout = new Lookout({ buffer: beat.buffer, worker: 'w@here', limit: 5000 }, log, 0)
  lookout.look(60_000)
  assert.equal(lines.length, 0, 'nothing has begun')
  watch.entered(call('demo.wait', 'b'), clock.steady())
  await clock.pass(1000)
  watch.entered(call('demo.compute', 'a'), clock.steady())
  for (let at = 60_000; at <= 101_000; at += 500) lookout.look(at)
  assert.deepEqual(
    lines.map(line => line.message),
    [5, 10, 20, 40].map(
      s =>
        `The event loop of w@here has stood still for ${s} s; entered last or running: demo.compute[a], demo.wait[b].`,
    ),
  )
  await clock.pass(1000)
  lookout.look(101_500)
  lookout.look(105_000)
  assert.equal(lines.length, 4, 'it goes on')
})
