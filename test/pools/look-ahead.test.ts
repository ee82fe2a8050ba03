import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChildPoolOptions } from '../../src/pools/child-pool.js'
import type { Execution } from '../../src/pools/pool.js'
import { PlayedPool } from '../support/pools/played-pool.js'

/* Calls that are sent to children ahead of their turn. */

/** A pool that has seen a quick call. */
async function quick(options: Partial<ChildPoolOptions> = {}): Promise<PlayedPool> {
  const stage = await new PlayedPool({ size: 1, ...options }).started()
  const first = stage.run()
  stage.children.find(child => child.calls > 0)?.finishes()
  await first.outcome
  return stage
}

function run(stage: PlayedPool, count: number): readonly [Execution, Execution, Execution] {
  const calls = Array.from({ length: count }, () => stage.run())
  return calls as unknown as readonly [Execution, Execution, Execution]
}

describe('calls ahead of their turn', () => {
  test('there are none until calls are known to be quick', async () => {
    const stage = await new PlayedPool({ size: 1 }).started()
    assert.equal(stage.pool.ahead, 0)
    run(stage, 2)
    assert.equal(stage.child(1).calls, 1)
    stage.child(1).finishes()
    assert.equal(stage.pool.ahead, 15)
    assert.equal(stage.child(1).calls, 2)
    assert.equal((await quick({ size: 2 })).pool.ahead, 30)
  })

  test('each begins, for whoever asks, when the one before it has ended', async () => {
    const stage = await quick()
    const [first, second, third] = run(stage, 3)
    assert.equal(stage.child(1).calls, 4)
    assert.deepEqual([first.where?.pid, second.where, third.where], [1, undefined, undefined])
    await stage.clock.pass(3)
    stage.child(1).finishes()
    assert.equal((await second.accepted).at - (first.where?.at ?? 0), 3)
    stage.child(1).finishes()
    stage.child(1).finishes()
    for (const call of [first, second, third]) assert.equal((await call.outcome).kind, 'succeeded')
    assert.equal(stage.pool.stats().handedTotal, 4)
  })

  test('an idle child goes before a busy one, and those with the fewest before others', async () => {
    const stage = await quick({ size: 2 })
    run(stage, 5)
    assert.deepEqual(stage.children.map(child => child.calls).toSorted(), [3, 3])
  })

  test('a large one waits, and so does one for a child that has not taken all it was sent', async () => {
    const stage = await quick()
    stage.run()
    stage.child(1).flushed = false
    stage.run()
    assert.equal(stage.child(1).calls, 2)
    stage.child(1).finishes()
    assert.equal(stage.child(1).calls, 3)
    stage.child(1).flushed = true
    stage.run(Buffer.alloc(5000))
    assert.equal(stage.child(1).calls, 3)
  })

  test('behind one that takes longer they come back, and go elsewhere, first in line', async () => {
    const stage = await quick({ size: 2 })
    const calls = run(stage, 4)
    const [slow, fast] = calls[0].where?.pid === 1 ? [1, 2] : [2, 1]
    stage.child(fast).finishes()
    stage.child(fast).finishes()
    await stage.clock.pass(10)
    assert.deepEqual([stage.child(slow).recalls, stage.child(fast).recalls], [1, 0])
    assert.equal(stage.child(fast).calls, 2 + (fast === 2 ? 1 : 0))
    stage.child(slow).isHeard()
    assert.equal(calls[2].where?.pid, fast)
    stage.child(fast).finishes()
    assert.equal((await calls[2].outcome).kind, 'succeeded')
    // The child answers at last.
    stage.child(slow).answersRecall(slow === 1 ? 2 : 1)
    stage.child(slow).finishes()
    assert.equal((await calls[0].outcome).kind, 'succeeded')
    assert.equal(stage.pool.ahead, 0, 'calls are not known to be quick any more')
  })

  test('one whose turn came with a recall may have begun or not: the answer tells', async () => {
    for (const begun of [2, 3]) {
      const stage = await quick()
      const [, second, third] = run(stage, 3)
      await stage.clock.pass(10)
      stage.child(1).finishes()
      stage.child(1).isHeard()
      assert.deepEqual([second.where?.pid, third.where], [1, undefined])
      stage.child(1).answersRecall(begun)
      assert.equal(stage.child(1).calls, begun === 2 ? 5 : 4, 'what it has not begun is given again')
      if (begun === 3) stage.child(1).finishes()
      if (begun === 3) assert.equal((await second.outcome).kind, 'succeeded')
    }
  })

  test('a call given after a recall is none of those that it concerned', async () => {
    const stage = await quick()
    const [first, second] = run(stage, 2)
    await stage.clock.pass(10)
    stage.child(1).isHeard()
    stage.child(1).finishes()
    await first.outcome
    assert.equal(second.where?.pid, 1)
    assert.equal(stage.child(1).calls, 4)
    stage.child(1).answersRecall(2)
    assert.equal(second.where?.pid, 1)
    assert.equal(stage.child(1).calls, 4)
  })

  test('after a recall a child has none ahead until all is known', async () => {
    for (const answersFirst of [true, false]) {
      const stage = await quick({ size: 2 })
      run(stage, 4)
      const [slow, other] = [stage.child(1), stage.child(2)]
      other.finishes()
      other.finishes()
      await stage.clock.pass(10)
      assert.equal(slow.recalls, 1)
      if (answersFirst) slow.answersRecall(slow.calls - 1)
      else slow.isHeard()
      other.finishes()
      // Calls are quick again.
      for (let n = 0; n < 60; n++) {
        const call = stage.run()
        other.finishes()
        await call.outcome
      }
      const before = slow.calls
      run(stage, 5)
      assert.ok(stage.pool.ahead > 0 && other.calls > 60)
      assert.equal(slow.calls, before)
      if (answersFirst) slow.isHeard()
      else slow.answersRecall(before - 1)
      stage.run()
      assert.ok(slow.calls > before)
    }
  })

  test('a child that dies takes only the first with it', async () => {
    const stage = await quick()
    const [first, second, third] = run(stage, 3)
    stage.child(1).ends('signal 11 (SIGSEGV)')
    assert.equal((await first.outcome).kind, 'lost')
    stage.child(2).ready()
    assert.equal(second.where?.pid, 2)
    stage.child(2).finishes()
    stage.child(2).finishes()
    for (const call of [second, third]) assert.equal((await call.outcome).kind, 'succeeded')
  })

  test('what is behind one that leaves its child unfit goes elsewhere', async () => {
    const stage = await quick()
    const [first, second] = run(stage, 2)
    stage.child(1).finishes({ leaves: true })
    await first.outcome
    assert.equal(stage.child(1).toldToLeave, false)
    stage.child(2).ready()
    assert.equal(second.where?.pid, 2)
  })

  test('a closed pool ends them as calls that never began', async () => {
    const stage = await quick()
    const [first, second] = run(stage, 2)
    const closed = stage.pool[Symbol.asyncDispose]()
    stage.child(1).ends('signal 9 (SIGKILL)')
    await closed
    assert.deepEqual([(await first.outcome).kind, (await second.outcome).kind], ['lost', 'cancelled'])
  })

  test('H44 a child has no more of them than its last calls', async () => {
    const stage = await quick({ maxTasks: 3 })
    run(stage, 4)
    assert.equal(stage.child(1).calls, 3)
    stage.child(1).finishes()
    assert.equal(stage.child(1).toldToLeave, false)
    stage.child(1).finishes()
    assert.ok(stage.child(1).toldToLeave)
    stage.child(2).ready()
    assert.equal(stage.child(2).calls, 2)
  })
})

describe('H60 kills while calls are ahead', () => {
  test('the signal waits until it can hit no other', async () => {
    const stage = await quick()
    const [first, second] = run(stage, 2)
    first.kill('SIGTERM')
    assert.deepEqual([stage.child(1).signals, stage.child(1).recalls], [[], 1])
    stage.child(1).isHeard()
    assert.deepEqual(stage.child(1).signals, ['SIGTERM'])
    stage.child(1).ends('signal 15 (SIGTERM)')
    assert.equal((await first.outcome).kind, 'lost')
    stage.child(2).ready()
    assert.equal(second.where?.pid, 2)
  })

  test('when the call ended meanwhile there is no signal, and the next is not hit', async () => {
    const stage = await quick()
    const [first, second, third] = run(stage, 3)
    first.kill('SIGKILL')
    stage.child(1).finishes()
    stage.child(1).isHeard()
    assert.equal((await first.outcome).kind, 'succeeded')
    await stage.clock.pass(900)
    assert.deepEqual([stage.child(1).signals, stage.child(1).destroyed], [[], false])
    stage.child(1).answersRecall(3)
    stage.child(1).finishes()
    assert.equal((await second.outcome).kind, 'succeeded')
    assert.ok(stage.child(1).toldToLeave)
    stage.child(2).ready()
    assert.equal(third.where?.pid, 2)
  })

  test('one that is ahead ends without a signal when its child has not begun it', async () => {
    const stage = await quick()
    const [first, second] = run(stage, 2)
    second.interrupt({ kind: 'terminated', signal: 'SIGTERM' })
    second.kill('SIGTERM')
    stage.child(1).isHeard()
    assert.equal((await second.outcome).kind, 'cancelled')
    stage.child(1).answersRecall(2)
    stage.child(1).finishes()
    assert.equal((await first.outcome).kind, 'succeeded')
    assert.deepEqual(stage.child(1).signals, [])
    assert.equal(stage.pool.stats().running, 0)
  })

  test('and with one when its turn has come', async () => {
    const stage = await quick()
    const [, second] = run(stage, 2)
    second.kill('SIGTERM')
    stage.child(1).finishes()
    assert.deepEqual(stage.child(1).signals, [])
    stage.child(1).isHeard()
    assert.deepEqual(stage.child(1).signals, ['SIGTERM'])
    stage.child(1).ends('signal 15 (SIGTERM)')
    assert.equal((await second.outcome).kind, 'lost')
  })

  test('a child that cannot be heard is ended by force after the grace', async () => {
    const stage = await quick()
    const [first] = run(stage, 2)
    first.kill('SIGTERM')
    await stage.clock.pass(1000)
    assert.equal(stage.child(1).destroyed, true)
  })

  test('a reason to end reaches it when its turn comes', async () => {
    const stage = await quick()
    const [, second] = run(stage, 2)
    second.interrupt({ kind: 'shutdown' })
    assert.ok(!stage.child(1).sent.some(({ kind }) => kind === 'interrupt'))
    stage.child(1).finishes()
    assert.deepEqual(stage.child(1).sent.at(-1), { kind: 'interrupt', call: 3, reason: { kind: 'shutdown' } })
  })
})
