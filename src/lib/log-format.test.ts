import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from './errors.js'
import { compileLogFormat, LOG_FORMAT, type LogRecord, TASK_LOG_FORMAT } from './log-format.js'

/** Local time, as the log shows it. */
const AT = new Date(2026, 10, 20, 11, 0, 9, 42).getTime()

function record(given: Partial<LogRecord> = {}): LogRecord {
  return { at: AT, level: 'info', message: 'ready', fields: {}, processName: 'MainProcess', pid: 42, ...given }
}

test("the default is Celery's line", () => {
  assert.equal(compileLogFormat(LOG_FORMAT)(record()), '[2026-11-20 11:00:09,042: INFO/MainProcess] ready')
})

test('the line of a task names it', () => {
  const fields = { task_name: 'img.resize', task_id: 'abc' }
  assert.equal(
    compileLogFormat(TASK_LOG_FORMAT)(record({ fields, level: 'warning' })),
    '[2026-11-20 11:00:09,042: WARNING/MainProcess] img.resize[abc]: ready',
  )
})

test('outside a task its name and id are question marks', () => {
  assert.equal(compileLogFormat('%(task_name)s[%(task_id)s]')(record()), '???[???]')
})

test('widths, left and right, and the percent sign work as in Python', () => {
  const format = compileLogFormat('%(levelname)-8s|%(levelname)8s|%(process)5d|100%%')
  assert.equal(format(record()), 'INFO    |    INFO|   42|100%')
})

test('lines of one second, of the next and of an earlier one show their own time', () => {
  const format = compileLogFormat('%(asctime)s')
  const times = [0, 957, 958, -43].map(ms => format(record({ at: AT + ms })))
  assert.deepEqual(times, [
    '2026-11-20 11:00:09,042',
    '2026-11-20 11:00:09,999',
    '2026-11-20 11:00:10,000',
    '2026-11-20 11:00:08,999',
  ])
})

test('S100 neither a message nor a task name can begin a line of its own', () => {
  const forged = 'x\n[2026-11-20 11:00:00,000: INFO/MainProcess] forged'
  const line = compileLogFormat(TASK_LOG_FORMAT)(
    record({ message: forged, fields: { task_name: forged, task_id: forged } }),
  )
  assert.equal(line.split('\n').length, 1)
})

test('S100 a message is never taken for a format', () => {
  assert.equal(compileLogFormat('%(message)s')(record({ message: '%(process)d %s%n' })), '%(process)d %s%n')
})

for (const [format, hint] of [
  ['%(levelnam)s', /did you mean %\(levelname\)s/],
  ['%(constructor)s', /does not exist/],
  ['%(message)', /begins no placeholder/],
  ['50% done', /begins no placeholder/],
  ['%(message)x', /begins no placeholder/],
] as const) {
  test(`the format '${format}' is refused with a hint`, () => {
    assert.throws(
      () => compileLogFormat(format),
      (error: unknown) => error instanceof ConfigError && error.code === 'LVG_LOG_FORMAT' && hint.test(error.message),
    )
  })
}
