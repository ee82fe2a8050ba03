import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveSettings, type SettingsInput } from './settings.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'
import { taskPolicy } from './task-policy.js'

function policy(options: TaskOptions = {}, settings: SettingsInput = {}): TaskPolicy {
  return taskPolicy(options, resolveSettings({ code: settings }).settings)
}

test("without anything given a task behaves as Celery's do", () => {
  assert.deepEqual(policy(), {
    acksLate: false,
    acksOnFailure: true,
    acksOnTimeout: true,
    rejectOnWorkerLost: false,
    maxDeliveries: 3,
    maxRetries: 3,
    defaultRetryDelay: 180_000,
    retryBackoff: undefined,
    retryBackoffMax: 600_000,
    retryJitter: true,
    timeLimit: undefined,
    softTimeLimit: undefined,
    ignoreResult: false,
    storeErrorsEvenIfIgnored: false,
    trackStarted: false,
    resultExpires: 86_400_000,
    chordLife: 608_400_000,
    resultExtended: false,
    trail: true,
    sendEvents: true,
    limits: undefined,
  })
})

test("a task's own option wins over the setting, both ways", () => {
  assert.equal(policy({ acksLate: true }).acksLate, true)
  assert.equal(policy({ acksLate: false }, { taskAcksLate: true }).acksLate, false)
  assert.equal(policy({ timeLimit: '2m' }, { taskTimeLimit: 30 }).timeLimit, 120_000)
  assert.equal(policy({}, { taskTimeLimit: 30 }).timeLimit, 30_000)
})

test('failure and timeout each fall back on the option for both, own before setting', () => {
  for (const [options, settings, onFailure, onTimeout] of [
    [{}, { taskAcksOnFailureOrTimeout: false }, false, false],
    [{}, { taskAcksOnFailureOrTimeout: false, taskAcksOnTimeout: true }, false, true],
    [{ acksOnFailure: true }, { taskAcksOnFailureOrTimeout: false }, true, false],
    [{ acksOnFailureOrTimeout: false }, { taskAcksOnFailure: true }, false, false],
    [{ acksOnFailureOrTimeout: false, acksOnTimeout: true }, {}, false, true],
  ] as const) {
    const { acksOnFailure, acksOnTimeout } = policy(options, settings)
    assert.deepEqual([acksOnFailure, acksOnTimeout], [onFailure, onTimeout], JSON.stringify([options, settings]))
  }
})

test('retries without end, backoff factors, and limits and lives of zero', () => {
  assert.equal(policy({ maxRetries: null }).maxRetries, null)
  assert.equal(policy({ retryBackoff: true }).retryBackoff, 1)
  assert.equal(policy({ retryBackoff: 2.7 }).retryBackoff, 2)
  assert.equal(policy({ retryBackoff: 0.5 }).retryBackoff, 1)
  assert.equal(policy({ retryBackoff: false }).retryBackoff, undefined)
  assert.equal(policy({ timeLimit: 0 }).timeLimit, undefined)
  assert.equal(policy({ resultExpires: 0 }).resultExpires, undefined)
  assert.equal(policy({ resultExpires: null }).resultExpires, undefined)
  assert.equal(policy({}, { resultExpires: null }).resultExpires, undefined)
  assert.equal(policy({ resultExpires: '1h' }).resultExpires, 3_600_000)
})
