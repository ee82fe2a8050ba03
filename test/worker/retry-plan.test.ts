import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { RetryWish } from '../../src/pools/pool.js'
import { planRetry } from '../../src/worker/retry-plan.js'
import { CELERY_POLICY } from '../support/requests.js'

const wish: RetryWish = {
  countdown: undefined,
  eta: undefined,
  maxRetries: undefined,
  error: undefined,
  traceback: undefined,
  auto: false,
  args: undefined,
  kwargs: undefined,
}
const auto = { ...wish, auto: true }

describe('planRetry', () => {
  test('a retry without wishes waits for the default delay', () => {
    const plan = planRetry(wish, 0, CELERY_POLICY, 1000, 0)
    assert.deepEqual(plan, { kind: 'again', retries: 1, eta: 181_000, delay: 180_000 })
  })

  test('D52 maxRetries 2 means three runs', () => {
    const policy = { ...CELERY_POLICY, maxRetries: 2 }
    assert.deepEqual(
      [0, 1, 2].map(retries => planRetry(wish, retries, policy, 0, 0).kind),
      ['again', 'again', 'exhausted'],
    )
  })

  test('null never gives up; the wish wins over the task', () => {
    assert.equal(planRetry(wish, 1_000_000, { ...CELERY_POLICY, maxRetries: null }, 0, 0).kind, 'again')
    assert.equal(planRetry({ ...wish, maxRetries: 0 }, 0, CELERY_POLICY, 0, 0).kind, 'exhausted')
    assert.equal(planRetry({ ...wish, maxRetries: null }, 99, CELERY_POLICY, 0, 0).kind, 'again')
  })

  test('backoff without jitter doubles from the factor to the cap', () => {
    const policy = { ...CELERY_POLICY, maxRetries: null, retryBackoff: 3, retryJitter: false }
    const delays = [0, 1, 2, 8, 50, 5000].map(retries => planRetry(auto, retries, policy, 0, 0))
    assert.deepEqual(
      delays.map(plan => plan.kind === 'again' && plan.delay),
      [3000, 6000, 12_000, 600_000, 600_000, 600_000],
    )
  })

  test('D54 the delay is whole seconds in [0, cap], whatever the draw, and never negative', () => {
    const policy = { ...CELERY_POLICY, maxRetries: null, retryBackoff: 2 }
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (retries, random) => {
        const plan = planRetry(auto, retries, policy, 5, random)
        assert.ok(plan.kind === 'again')
        assert.ok(plan.delay >= 0 && plan.delay <= policy.retryBackoffMax && plan.delay % 1000 === 0)
        assert.equal(plan.eta, 5 + plan.delay)
      }),
    )
  })

  test('an eta in the past is kept and means now', () => {
    assert.deepEqual(planRetry({ ...wish, eta: 10 }, 0, CELERY_POLICY, 50, 0), {
      kind: 'again',
      retries: 1,
      eta: 10,
      delay: 0,
    })
  })
})
