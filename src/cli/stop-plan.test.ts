import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StopPlan, type StopRules } from './stop-plan.js'

function stages(
  rules: Partial<StopRules>,
  ...signals: ('SIGTERM' | 'SIGINT' | 'SIGQUIT')[]
): readonly (string | undefined)[] {
  const plan = new StopPlan({ soft: false, termIsQuit: false, ...rules })
  return signals.map(signal => plan.on(signal).stage)
}

function exitCode(...signals: ('SIGTERM' | 'SIGINT' | 'SIGQUIT')[]): number | undefined {
  const plan = new StopPlan({ soft: false, termIsQuit: false })
  return signals.map(signal => plan.on(signal).exitCode).at(-1)
}

test('TERM stops warm, and further ones change nothing', () => {
  assert.deepEqual(stages({}, 'SIGTERM', 'SIGTERM', 'SIGTERM', 'SIGTERM'), ['warm', undefined, undefined, undefined])
})

test('INT stops warm, the second cold, the third at once', () => {
  assert.deepEqual(stages({}, 'SIGINT', 'SIGINT', 'SIGINT'), ['warm', 'cold', 'hard'])
})

test('QUIT stops cold; the third signal stops at once', () => {
  assert.deepEqual(stages({}, 'SIGQUIT', 'SIGQUIT', 'SIGQUIT'), ['cold', undefined, 'hard'])
})

test('INT after TERM does not wait any longer', () => {
  assert.deepEqual(stages({}, 'SIGTERM', 'SIGINT', 'SIGINT'), ['warm', 'cold', 'hard'])
})

test('with a soft shutdown timeout, soft comes before cold', () => {
  assert.deepEqual(stages({ soft: true }, 'SIGQUIT', 'SIGQUIT', 'SIGQUIT'), ['soft', 'cold', 'hard'])
  assert.deepEqual(stages({ soft: true }, 'SIGINT', 'SIGINT', 'SIGINT', 'SIGINT'), ['warm', 'soft', 'cold', 'hard'])
})

test('REMAP_SIGTERM=SIGQUIT gives TERM the meaning of QUIT', () => {
  assert.deepEqual(stages({ termIsQuit: true }, 'SIGTERM', 'SIGTERM', 'SIGTERM'), ['cold', undefined, 'hard'])
})

test('D80 the exit status is 0 after TERM and QUIT, 1 after INT, and 128 + n when the third signal ends it', () => {
  assert.equal(exitCode('SIGTERM'), 0)
  assert.equal(exitCode('SIGQUIT', 'SIGQUIT'), 0)
  assert.equal(exitCode('SIGINT'), 1)
  assert.equal(exitCode('SIGINT', 'SIGINT'), 1)
  assert.equal(exitCode('SIGTERM', 'SIGINT'), 0)
  assert.equal(exitCode('SIGINT', 'SIGINT', 'SIGINT'), 130)
  assert.equal(exitCode('SIGQUIT', 'SIGQUIT', 'SIGQUIT'), 131)
})
