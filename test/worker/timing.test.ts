import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { Alarm } from '../../src/worker/alarm.js'
import { handRuntime } from '../app/hand-runtime.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'
import { onStage, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const
const HOUR = 3_600_000

describe('eta and countdown', () => {
  for (const [what, options] of [
    ['a countdown', { countdown: 10 }],
    ['an eta', { eta: new Date(Date.UTC(2026, 0, 1, 0, 0, 10)) }],
    ['an eta as text in another zone', { eta: '2026-01-01T02:00:10+02:00' }],
  ] as const) {
    test(`I11 ${what}: not before, and soon after`, async () => {
      await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
        await stage.worker()
        await stage.app.sendTask('t', [], { taskId: 'a', ...options })
        await stage.quiet()
        const at = stage.entries('a')[0]?.at ?? 0
        assert.ok(at >= 10_000 && at < 10_500, String(at))
      })
    })
  }

  test('an eta in the past runs at once', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', eta: '2025-12-31T23:00:00Z' })
      await stage.world.until('the run', () => stage.runs('a') === 1, 250)
    })
  })

  test('several run in the order of their etas, whatever the order of sending', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      for (const countdown of [9, 3, 6, 1]) await stage.app.sendTask('t', [], { taskId: `${countdown}`, countdown })
      await stage.quiet()
      assert.deepEqual(
        stage.journal.map(entry => entry.id),
        ['1', '3', '6', '9'],
      )
    })
  })

  test('H22 a delayed task survives the death of the worker that held it and is not early', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      const { process } = await stage.worker('w1')
      for (let n = 0; n < 20; n++) await stage.app.sendTask('t', [], { taskId: `t${n}`, countdown: 15 })
      await stage.world.sleep(5000)
      process.kill()
      await stage.worker('w2')
      await stage.quiet()
      for (let n = 0; n < 20; n++) {
        const at = stage.entries(`t${n}`).map(entry => entry.at)
        assert.ok(at.length === 1 && (at[0] ?? 0) >= 15_000, `t${n} at ${at}`)
      }
    })
  })
})

describe('expires', () => {
  test('a task that waited too long for a slot is REVOKED, and never entered', async () => {
    await onStage({ tasks: { t: sleeper(5000) } }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.app.sendTask('t', [], { taskId: 'b', expires: 3 })
      await stage.app.sendTask('t', [], { taskId: 'c', expires: 30 })
      await stage.quiet()
      assert.deepEqual([stage.runs('a'), stage.runs('b'), stage.runs('c')], [1, 0, 1])
      const meta = await stage.meta('b')
      assert.deepEqual(
        [meta?.status, meta?.error?.type, meta?.error?.args],
        ['REVOKED', 'TaskRevokedError', ['expired']],
      )
      assert.deepEqual(
        stage.types('b').filter(type => type === 'task-revoked'),
        ['task-revoked'],
      )
    })
  })

  test('one that expires before its eta is REVOKED', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', countdown: 20, expires: 10 })
      await stage.quiet()
      assert.deepEqual([stage.runs('a'), await stage.status('a')], [0, 'REVOKED'])
    })
  })

  test('a running task is not touched by its expiry', async () => {
    await onStage({ tasks: { t: [sleeper(5000, 'v'), LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', expires: 1 })
      await stage.quiet()
      assert.equal((await stage.meta('a'))?.result, 'v')
    })
  })
})

describe('D96 the wall clock jumps', () => {
  for (const step of [HOUR, -HOUR]) {
    test(`by ${step / 1000} s: no redelivery, no lost lease, the running task ends as ever`, async () => {
      await onStage({ tasks: { t: [sleeper(10_000, 'v'), LATE] } }, async stage => {
        const { process } = await stage.worker()
        await stage.app.sendTask('t', [], { taskId: 'a' })
        await stage.started('a')
        process.stepWallClock(step)
        await stage.worker('w2')
        await stage.quiet()
        assert.deepEqual([stage.runs('a'), (await stage.meta('a'))?.result], [1, 'v'])
      })
    })
  }

  test('time limits and lease checks run on the steady clock', async () => {
    await onStage({ tasks: { t: [sleeper(600_000), { ...LATE, timeLimit: '10s' }] } }, async stage => {
      const { process } = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      const began = stage.world.now
      process.stepWallClock(-HOUR)
      await stage.world.sleep(1000)
      process.stepWallClock(2 * HOUR)
      await stage.quiet()
      assert.equal((await stage.meta('a'))?.error?.type, 'TimeLimitExceeded')
      assert.ok(stage.world.now - began >= 9900)
    })
  })

  test('what is held for its eta is looked at within a second of a step, either way', async () => {
    const runtime = handRuntime()
    const rung: string[] = []
    using alarm = new Alarm<string>(runtime.clock, 'wall', item => void rung.push(item))
    const base = runtime.clock.now()
    alarm.set(base + HOUR, 'in an hour')
    await runtime.clock.pass(500)
    runtime.clock.step(HOUR)
    await runtime.clock.pass(1000)
    assert.deepEqual(rung, ['in an hour'])
    alarm.set(runtime.clock.now() + 10_000, 'in ten seconds')
    runtime.clock.step(-60_000)
    await runtime.clock.pass(60_000)
    assert.equal(rung.length, 1, 'not early by the clock it was set on')
    await runtime.clock.pass(11_000)
    assert.equal(rung.length, 2)
  })

  test('a clock that stays where it is costs at most one look a second', async () => {
    const runtime = handRuntime()
    let looks = 0
    const counting = {
      now: () => {
        looks++
        return runtime.clock.now()
      },
      steady: () => runtime.clock.steady(),
      sleep: runtime.clock.sleep.bind(runtime.clock),
      timer: runtime.clock.timer.bind(runtime.clock),
    }
    using alarm = new Alarm<number>(counting, 'wall', () => undefined)
    for (let n = 0; n < 100; n++) alarm.set(runtime.clock.now() + HOUR + n, n)
    looks = 0
    await runtime.clock.pass(60_000)
    assert.ok(looks <= 200, String(looks))
  })

  test('held in a worker: a step forward by an hour releases what is due by then, within a second', async () => {
    const define = (app: App): void => void app.task('t', () => 'v')
    await using rig = new Rig(runtime => new MemoryPlace(runtime), define)
    await rig.worker()
    await rig.publish(
      {
        headers: { task: 't', id: 'a', eta: new Date(rig.runtime.clock.now() + 50_000).toISOString() },
        properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
        body: new TextEncoder().encode('[[],{},{}]'),
      },
      'a',
    )
    await rig.pass(2000)
    assert.deepEqual(rig.types('a'), ['task-received'])
    rig.runtime.clock.step(HOUR)
    await rig.pass(1500)
    assert.equal((await rig.meta('a'))?.result, 'v')
  })
})

describe('priority', () => {
  test('higher ones come first, equal ones in order', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      const sent = [0, 5, 9, 5, 0, 255]
      for (const [n, priority] of sent.entries()) await stage.app.sendTask('t', [], { taskId: `${n}`, priority })
      await stage.worker('w', { concurrency: 1, prefetchMultiplier: 1 })
      await stage.quiet()
      assert.deepEqual(
        stage.journal.map(entry => entry.id),
        ['5', '2', '1', '3', '0', '4'],
      )
    })
  })

  test('with taskInheritParentPriority a task hands its own on to what it publishes and what follows it', async () => {
    const seen: Record<string, unknown> = {}
    const { currentTask } = await import('../../src/app/current-task.js')
    const note = () => {
      seen[currentTask().id] = currentTask().deliveryInfo.priority
    }
    const { sig } = await import('../support/worker/stage.js')
    await onStage({ tasks: { t: note }, settings: { taskInheritParentPriority: true } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', priority: 7, link: sig('t', 'b') })
      await stage.quiet()
      assert.deepEqual(seen, { a: 7, b: 7 })
    })
  })
})
