import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import { SIM_EPOCH } from './sim-world.js'
import { simulate } from './simulate.js'

test('after kill -9 no timer rings, no wait ends, and no finally block runs', async () => {
  const seen: string[] = []
  await simulate(1, async world => {
    const process = world.process('a')
    const work = async (): Promise<void> => {
      try {
        await process.runtime.clock.sleep(100)
        seen.push('woke')
      } finally {
        seen.push('finally')
      }
    }
    void work()
    process.runtime.clock.timer(100, () => void seen.push('timer'))
    world.after(50, () => process.kill())
    await world.sleep(1000)
    process.runtime.clock.timer(1, () => void seen.push('timer of the dead'))
    await world.sleep(1000)
  })
  assert.deepEqual(seen, [])
})

test('a frozen process catches up when it thaws, in the order of what it missed', async () => {
  const { value } = await simulate(3, async world => {
    const process = world.process('a')
    const { clock } = process.runtime
    const rung: string[] = []
    for (const ms of [300, 100, 200]) clock.timer(ms, () => void rung.push(`${ms} at ${world.now}`))
    process.freeze()
    await world.sleep(1000)
    const whileFrozen = [...rung]
    process.thaw()
    await world.sleep(1)
    return { whileFrozen, rung }
  })
  assert.deepEqual(value, { whileFrozen: [], rung: ['100 at 1000', '200 at 1000', '300 at 1000'] })
})

test('a timer cancelled between ringing and thawing stays silent', async () => {
  await simulate(1, async world => {
    const process = world.process('a')
    const second = process.runtime.clock.timer(20, () => assert.fail('was cancelled'))
    process.runtime.clock.timer(10, () => second[Symbol.dispose]())
    process.freeze()
    await world.sleep(100)
    process.thaw()
    await world.sleep(100)
  })
})

test('stepping the wall clock leaves the steady clock and the timers alone', async () => {
  const { value } = await simulate(1, async world => {
    const process = world.process('a')
    const { clock } = process.runtime
    const steady = clock.steady()
    const sleeping = clock.sleep(1000)
    process.stepWallClock(-3_600_000)
    await sleeping
    return { wall: clock.now() - SIM_EPOCH, steady: clock.steady() - steady, truth: world.now }
  })
  assert.deepEqual(value, { wall: 1000 - 3_600_000, steady: 1000, truth: 1000 })
})

test('a clock that runs twice as fast rings in half the true time', async () => {
  const { value } = await simulate(1, async world => {
    const { clock } = world.process('a', { rate: 2 }).runtime
    await clock.sleep(1000)
    return { wall: clock.now() - SIM_EPOCH, truth: world.now }
  })
  assert.deepEqual(value, { wall: 1000, truth: 500 })
})

test('a sleep ends with the reason of its signal', async () => {
  await simulate(1, async world => {
    const stop = new AbortController()
    const sleeping = world.process('a').runtime.clock.sleep(1000, stop.signal)
    stop.abort(new Error('enough'))
    await assert.rejects(sleeping, /enough/)
    await assert.rejects(world.runtime.clock.sleep(1000, stop.signal), /enough/)
  })
})

test('a timer rings in the async context in which it was set', async () => {
  const storage = new AsyncLocalStorage<string>()
  const { value } = await simulate(1, async world => {
    const { clock } = world.process('a').runtime
    return await storage.run('mine', () => new Promise(resolve => clock.timer(1, () => resolve(storage.getStore()))))
  })
  assert.equal(value, 'mine')
})

test('two incarnations of a process differ in pid and in chance', async () => {
  const { value } = await simulate(1, async world => {
    const [first, second] = [world.process('a'), world.process('a')]
    return [first, second].map(({ runtime }) => [runtime.host.name, runtime.host.pid, runtime.random.next()])
  })
  const [first, second] = value
  assert.equal(first?.[0], second?.[0])
  assert.notEqual(first?.[1], second?.[1])
  assert.notEqual(first?.[2], second?.[2])
})
