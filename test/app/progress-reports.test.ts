import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ProgressReport, ProgressReports } from '../../src/app/progress-reports.js'
import { BackendError } from '../../src/backends/errors.js'
import { deferred } from '../../src/lib/deferred.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { HandClock } from '../support/hand-clock.js'

function rig(store: (report: ProgressReport) => Promise<void> = async () => undefined) {
  const clock = new HandClock()
  const { log, lines } = memoryLog()
  const stored: number[] = []
  const reports = new ProgressReports({
    clock,
    log,
    store: async report => {
      stored.push(report.current)
      await store(report)
    },
  })
  const report = (current: number, total = 1000) => reports.report({ current, total, meta: {} })
  return { clock, lines, stored, reports, report }
}

test('RV25 of a thousand steps in a second three are stored: the first, one in between, and the last at once', async () => {
  const { clock, stored, report } = rig()
  for (let step = 1; step <= 1000; step++) {
    void report(step)
    await clock.pass(1)
  }
  assert.deepEqual(stored, [1, 500, 1000])
})

test('a tight loop that never waits stores the first step and the last', async () => {
  const { clock, stored, report } = rig()
  for (let step = 1; step <= 1000; step++) void report(step)
  await clock.pass(5000)
  assert.deepEqual(stored, [1, 1000])
})

test('one write is under way at a time; of what comes meanwhile the newest follows', async () => {
  let release = (): void => undefined
  const { clock, stored, report } = rig(() => {
    const written = deferred()
    release = written.resolve
    return written.promise
  })
  void report(1)
  await clock.pass(10_000)
  void report(2)
  void report(3)
  await clock.pass(10_000)
  assert.deepEqual(stored, [1])
  release()
  await clock.pass(1000)
  assert.deepEqual(stored, [1, 3])
})

test('after the end nothing is stored any more', async () => {
  const { clock, stored, reports, report } = rig()
  void report(1)
  await clock.pass(0)
  void report(2)
  reports[Symbol.dispose]()
  void report(3)
  await clock.pass(10_000)
  assert.deepEqual(stored, [1])
})

test('a store that is away is logged; what cannot be written at all is the caller’s to know', async () => {
  const away = rig(() => Promise.reject(new BackendError('LVG_X', 'away', { transient: true })))
  await away.report(1)
  assert.match(away.lines[0]?.message ?? '', /Progress could not be stored: away/)
  const bad = rig(() => Promise.reject(new TypeError('a function')))
  await assert.rejects(bad.report(1), TypeError)
})
