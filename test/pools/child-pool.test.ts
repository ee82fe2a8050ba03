import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GRACE, PlayedPool } from '../support/pools/played-pool.js'

/* The rules of a pool of children, with children that a test plays, and time that passes by hand. */

describe('children that leave', () => {
  test('H44 the replacement is started when a child gets its last call, and the child gets no other', async () => {
    const stage = await new PlayedPool({ size: 1, maxTasks: 1 }).started()
    const first = stage.run()
    assert.equal(stage.children.length, 2)
    const second = stage.run()
    stage.child(1).finishes()
    assert.equal((await first.outcome).kind, 'succeeded')
    assert.ok(stage.child(1).toldToLeave)
    assert.deepEqual([stage.child(1).calls, stage.child(2).calls], [1, 0])
    stage.child(2).ready()
    assert.equal(stage.child(2).calls, 1)
    assert.equal((await second.accepted).pid, 2)
  })

  test('H44 one that has grown too large serves until its replacement is ready', async () => {
    const stage = await new PlayedPool({ size: 1, maxMemory: 1000 }).started()
    stage.run()
    stage.child(1).finishes({ memory: 1001 })
    assert.equal(stage.children.length, 2)
    stage.run()
    assert.equal(stage.child(1).calls, 2)
    stage.child(2).ready()
    assert.equal(stage.child(1).toldToLeave, false)
    stage.child(1).finishes({ memory: 1001 })
    assert.ok(stage.child(1).toldToLeave)
    assert.equal(stage.children.length, 2)
  })

  test('one that does not leave is ended by force', async () => {
    const stage = await new PlayedPool({ size: 2 }).started()
    await stage.pool.resize(1)
    const gone = stage.children.find(child => child.toldToLeave)
    await stage.clock.pass(5000)
    assert.equal(gone?.destroyed, true)
  })

  test('a restart keeps every slot: each old child goes when a new one is ready', async () => {
    const stage = await new PlayedPool().started()
    const running = stage.run()
    let over = false
    const restarted = stage.pool.restart().then(() => {
      over = true
    })
    assert.equal(stage.children.length, 4)
    assert.equal(stage.children.filter(child => child.toldToLeave).length, 0)
    stage.child(3).ready()
    stage.child(4).ready()
    await restarted
    assert.ok(over)
    const [busy] = stage.busy()
    assert.deepEqual(
      stage.children.filter(child => child.toldToLeave).map(child => child.id),
      [1, 2].filter(id => id !== busy),
    )
    stage.child(busy ?? 0).finishes()
    await running.outcome
    assert.ok(stage.child(1).toldToLeave && stage.child(2).toldToLeave)
  })

  test('a restart whose modules do not load leaves the old children where they are', async () => {
    const stage = await new PlayedPool().started()
    const restarted = stage.pool.restart()
    for (const number of [3, 4]) {
      stage.child(number).says({ kind: 'unfit', code: 'LVG_MODULE_SYNTAX', message: 'tasks.ts cannot be parsed' })
      stage.child(number).ends('exitcode 1')
    }
    await assert.rejects(restarted, { code: 'LVG_MODULE_SYNTAX' })
    stage.run()
    stage.run()
    assert.deepEqual(stage.busy(), [1, 2])
    assert.equal(stage.children.filter(child => child.toldToLeave).length, 0)
  })
})

describe('kills', () => {
  test('H60 signal, grace, force; the slot is refilled at once, and nothing else is hit', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    const running = stage.run()
    running.interrupt({ kind: 'terminated', signal: 'SIGTERM' })
    running.kill('SIGTERM')
    running.kill('SIGTERM')
    assert.equal(stage.children.length, 2)
    await stage.clock.pass(GRACE - 1)
    assert.deepEqual([stage.child(1).signals.at(0), stage.child(1).destroyed], ['SIGTERM', false])
    await stage.clock.pass(1)
    assert.equal(stage.child(1).destroyed, true)
    stage.child(1).ends('signal 9 (SIGKILL)')
    const outcome = await running.outcome
    assert.deepEqual([outcome.kind, outcome.kind === 'cancelled' && outcome.why], ['cancelled', 'terminated'])
    const next = stage.run()
    stage.child(2).ready()
    assert.equal(next.where?.pid, 2)
  })

  test('H60 a call that ended before the kill came is not hit, nor is the next one in its child', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    const first = stage.run()
    stage.child(1).finishes()
    await first.outcome
    stage.run()
    first.interrupt({ kind: 'terminated', signal: 'SIGTERM' })
    first.kill('SIGTERM')
    await stage.clock.pass(GRACE * 2)
    assert.deepEqual([stage.child(1).signals, stage.child(1).destroyed], [[], false])
  })

  test('H60 a call whose end crosses the kill keeps its end, and its condemned child gets no other', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    const running = stage.run()
    running.kill('SIGTERM')
    stage.child(1).finishes()
    assert.equal((await running.outcome).kind, 'succeeded')
    stage.run()
    assert.equal(stage.child(1).calls, 1)
  })

  test('a call that waits for a child can be killed', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    const first = stage.run()
    first.kill('SIGKILL')
    const waiting = stage.run()
    waiting.interrupt({ kind: 'hard-time-limit', limit: 5 })
    waiting.kill('SIGKILL')
    assert.equal((await waiting.outcome).kind, 'timed-out')
    stage.child(2).ready()
    assert.equal(stage.child(2).calls, 0)
  })

  test('a call that is not wanted any more when a child is there for it never begins, and the next one does', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    stage.run().kill('SIGKILL')
    let wanted = true
    const [waiting, next] = [stage.run(undefined, () => wanted), stage.run()]
    wanted = false
    stage.child(2).ready()
    const { kind, runtime } = await waiting.outcome
    assert.deepEqual([kind, runtime], ['cancelled', 0])
    assert.equal((await next.accepted).pid, 2)
    assert.equal(stage.child(2).calls, 1)
  })

  test('a child that even force does not end is left behind, and said', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    const running = stage.run()
    running.kill('SIGKILL')
    await stage.clock.pass(2000)
    assert.deepEqual(await running.outcome, {
      kind: 'lost',
      exit: 'it does not end',
      children: [],
      runtime: 2000,
    })
    assert.ok(stage.log.lines.some(({ level, message }) => level === 'critical' && /left behind/.test(message)))
  })
})

describe('children that cannot be had', () => {
  test('at the start the pool refuses with the reason', async () => {
    const stage = new PlayedPool()
    const started = stage.pool.start(new AbortController().signal)
    stage.child(1).says({ kind: 'unfit', code: 'LVG_MODULE_FAILED', message: 'tasks.ts threw' })
    stage.child(1).ends('exitcode 1')
    await assert.rejects(started, { code: 'LVG_MODULE_FAILED', message: 'tasks.ts threw', name: 'ConfigError' })
    assert.equal(stage.children.length, 2)
  })

  for (const [name, times, play, pattern] of [
    [
      'says nothing, five times in a row,',
      5,
      async (stage: PlayedPool) => await stage.clock.pass(4000),
      /said a word within 4 s/,
    ],
    [
      'does not load its modules, five times in a row,',
      5,
      async (stage: PlayedPool) => {
        stage.children.at(-1)?.says({ kind: 'alive' })
        await stage.clock.pass(60_000)
      },
      /loaded its modules within 60 s/,
    ],
    ['ends', 1, async () => undefined, /ended before it was ready: exitcode 9/],
  ] as const) {
    test(`one that ${name} in time is ended, and the error says so`, async () => {
      const stage = new PlayedPool({ size: 1 })
      const started = stage.pool.start(new AbortController().signal)
      const refused = assert.rejects(started, { code: 'LVG_POOL_CHILD', message: pattern })
      for (let number = 1; number <= times; number++) {
        await play(stage)
        stage.child(number).ends('exitcode 9')
      }
      await refused
    })
  }

  test('later it is tried again ever more slowly; with nobody left, the pool fails and what waits goes back', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    stage.child(1).ends('signal 11 (SIGSEGV)')
    const waiting = stage.run()
    let failed: unknown
    void stage.pool.failed.then(error => {
      failed = error
    })
    for (let number = 2; failed === undefined && number < 20; number++) {
      while (stage.children.length < number) await stage.clock.pass(100)
      stage.child(number).ends('exitcode 1')
      await stage.clock.pass(0)
    }
    assert.equal(stage.children.length, 6)
    assert.match(String(failed), /ended before it was ready/)
    const outcome = await waiting.outcome
    assert.deepEqual([outcome.kind, outcome.kind === 'cancelled' && outcome.why], ['cancelled', 'shutdown'])
  })

  test('while another child lives, the pool does not fail', async () => {
    const stage = await new PlayedPool().started()
    stage.child(1).ends('exitcode 1')
    for (let number = 3; number < 12; number++) {
      stage.child(number).ends('exitcode 1')
      await stage.clock.pass(30_000)
    }
    const running = stage.run()
    stage.child(2).finishes()
    assert.equal((await running.outcome).kind, 'succeeded')
  })

  test('a system without room for another process is the same as a child that ends', async () => {
    const stage = await new PlayedPool().started()
    stage.cannotStart = true
    stage.child(1).ends('exitcode 1')
    stage.cannotStart = false
    while (stage.children.length < 3) await stage.clock.pass(100)
    stage.child(3).ready()
    stage.run()
    stage.run()
    assert.deepEqual(stage.busy(), [2, 3])
  })
})

test('what a child sends and cannot be read ends the child', async () => {
  const stage = await new PlayedPool({ size: 1 }).started()
  const running = stage.run()
  stage.child(1).listener.garbled(new Error('nonsense'))
  assert.equal(stage.child(1).destroyed, true)
  stage.child(1).ends('signal 9 (SIGKILL)')
  assert.equal((await running.outcome).kind, 'lost')
})
