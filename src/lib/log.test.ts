import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, levelRank, silentLog } from './log.js'
import { memoryLog } from './memory-log.js'
import type { LogLevel } from './runtime.js'

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical']

for (const [i, level] of LEVELS.entries()) {
  test(`a log of level ${level} writes ${level} and above`, () => {
    const { log, lines } = memoryLog(level)
    for (const each of LEVELS) log[each](each)
    assert.deepEqual(
      lines.map(line => line.message),
      LEVELS.slice(i),
    )
    assert.deepEqual(
      LEVELS.filter(each => log.enabled(each)),
      LEVELS.slice(i),
    )
  })
}

test('ranks ascend', () => {
  const ranks = LEVELS.map(levelRank)
  assert.deepEqual(
    ranks,
    [...ranks].sort((a, b) => a - b),
  )
})

test('a child adds its fields to every line, the line wins over the child, the child over its parent', () => {
  const { log, lines } = memoryLog()
  log.child({ a: 1, b: 1 }).child({ b: 2, c: 2 }).info('x', { c: 3 })
  assert.deepEqual(lines, [{ level: 'info', message: 'x', fields: { a: 1, b: 2, c: 3 } }])
})

test('a parent knows nothing of its children', () => {
  const { log, lines } = memoryLog()
  log.child({ a: 1 }).info('child')
  log.info('parent')
  assert.deepEqual(lines[1]?.fields, {})
})

test('a child keeps the level', () => {
  const written: string[] = []
  const log = createLog({ write: (_level, message) => written.push(message) }, 'error').child({ a: 1 })
  log.warning('no')
  log.error('yes')
  assert.deepEqual(written, ['yes'])
})

test('the silent log enables nothing, nor do its children', () => {
  for (const log of [silentLog, silentLog.child({ a: 1 })]) {
    for (const level of LEVELS) {
      log[level]('x')
      assert.equal(log.enabled(level), false)
    }
  }
})
