import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChildPoolOptions } from '../../src/pools/child-pool.js'
import type { Execution } from '../../src/pools/pool.js'
import { LimitTimers } from '../../src/worker/limit-timers.js'
import { GRACE, PlayedPool } from '../support/pools/played-pool.js'
import { requestOf } from '../support/requests.js'

const CALL = {
  request: requestOf({}),
  faults: 0,
  queue: 'q',
  exchange: '',
  routingKey: 'q',
  redelivered: false,
  claim: 1,
  hostname: 'w',
}

/** A call whose turn came with a recall: it counts as begun until its child, which stands still, answers that it had not. */
async function begunOrNot(
  options: Partial<ChildPoolOptions> = {},
): Promise<{ readonly stage: PlayedPool; readonly call: Execution }> {
  const stage = await new PlayedPool({ size: 1, ...options }).started()
  const quick = stage.run()
  stage.child(1).finishes()
  await quick.outcome
  stage.run()
  const call = stage.run()
  await stage.clock.pass(10)
  stage.child(1).finishes()
  await call.accepted
  return { stage, call }
}

describe('time limits of a call that its child had not begun after all', () => {
  test('count from where it begins', async () => {
    const { stage, call } = await begunOrNot()
    const limits = new LimitTimers(stage.clock)
    limits.set(call, { ...CALL, softTimeLimit: 500, timeLimit: 1000 })
    await stage.clock.pass(400)
    stage.child(1).answersRecall(2)
    assert.equal(stage.child(1).calls, 4)
    const interrupts = () => stage.child(1).sent.filter(({ kind }) => kind === 'interrupt').length
    await stage.clock.pass(499)
    assert.equal(interrupts(), 0)
    await stage.clock.pass(1)
    assert.equal(interrupts(), 1)
    await stage.clock.pass(499)
    assert.equal(stage.child(1).destroyed, false)
    await stage.clock.pass(1 + GRACE)
    assert.equal(stage.child(1).destroyed, true)
  })

  test('do not count while it waits for another child', async () => {
    const { stage, call } = await begunOrNot({ maxTasks: 3 })
    const limits = new LimitTimers(stage.clock)
    limits.set(call, { ...CALL, softTimeLimit: undefined, timeLimit: 1000 })
    stage.child(1).answersRecall(2)
    assert.equal(stage.child(1).toldToLeave, true)
    const where = (): number | undefined => call.where?.pid
    await stage.clock.pass(3000)
    assert.equal(where(), undefined)
    stage.child(2).ready()
    assert.equal(where(), 2)
    await stage.clock.pass(999)
    assert.equal(stage.child(2).destroyed, false)
    await stage.clock.pass(1 + GRACE)
    assert.equal(stage.child(2).destroyed, true)
  })
})
