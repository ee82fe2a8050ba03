import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LovageError } from '../lib/errors.js'
import { TaskError, TaskRevokedError, TimeLimitExceeded, taskErrorOf } from './errors.js'

test('a stored exception of any language becomes a TaskError that keeps it untouched', () => {
  const error = taskErrorOf({ type: 'ValueError', args: ['boom', 42], module: 'builtins' }, 'Traceback …')
  assert.ok(error instanceof TaskError && error instanceof LovageError)
  assert.equal(error.code, 'LVG_TASK_FAILED')
  assert.equal(error.message, 'ValueError: boom, 42')
  assert.deepEqual([error.excType, error.excMessage, error.excModule], ['ValueError', ['boom', 42], 'builtins'])
  assert.equal(error.traceback, 'Traceback …')
})

test('well-known names come back as their classes', () => {
  const revoked = taskErrorOf({ type: 'TaskRevokedError', args: ['expired'], module: 'celery.exceptions' }, undefined)
  assert.ok(revoked instanceof TaskRevokedError)
  assert.deepEqual(revoked.excMessage, ['expired'])
  const limit = taskErrorOf({ type: 'TimeLimitExceeded', args: [30], module: 'billiard.exceptions' }, undefined)
  assert.ok(limit instanceof TimeLimitExceeded)
  assert.equal(limit.code, 'LVG_TIME_LIMIT')
})

test('a retry is never thrown at a waiter as one', () => {
  const error = taskErrorOf({ type: 'Retry', args: [], module: 'celery.exceptions' }, undefined)
  assert.equal(error.constructor, TaskError)
  assert.equal(error.message, 'Retry')
})

test("a user's own class of a well-known name stays a TaskError", () => {
  const error = taskErrorOf({ type: 'NotRegistered', args: [], module: 'shop.errors' }, undefined)
  assert.equal(error.constructor, TaskError)
})

test('arguments that cannot be printed do not hide the error', () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  assert.equal(taskErrorOf({ type: 'E', args: [circular], module: null }, undefined).message, 'E: [object Object]')
})
