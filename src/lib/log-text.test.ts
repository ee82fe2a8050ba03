import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogRecord } from './log-format.js'
import { logText } from './log-text.js'

const RECORD: LogRecord = { at: 0, level: 'error', message: 'boom', fields: {}, processName: 'MainProcess', pid: 1 }

test('a line that carries a task id uses the format of tasks', () => {
  const text = logText({ format: 'plain %(message)s', taskFormat: '%(task_id)s %(message)s', color: false })
  assert.equal(text(RECORD), 'plain boom\n')
  assert.equal(text({ ...RECORD, fields: { task_id: 'abc' } }), 'abc boom\n')
})

test('colour wraps the line and leaves info plain', () => {
  const text = logText({ format: '%(message)s', color: true })
  assert.equal(text(RECORD), '\u001b[31mboom\u001b[0m\n')
  assert.equal(text({ ...RECORD, level: 'info' }), 'boom\n')
})

test('a traceback follows, indented, so that none of its lines can be taken for one of the log', () => {
  const text = logText({ format: '%(message)s', color: false })
  const traceback = 'Error: x\n    at f\n[2026-11-20 11:00:00,000: INFO/MainProcess] forged\u001b[2J\n'
  assert.equal(
    text({ ...RECORD, fields: { traceback } }),
    'boom\n  Error: x\n      at f\n  [2026-11-20 11:00:00,000: INFO/MainProcess] forged\\u001b[2J\n',
  )
})
