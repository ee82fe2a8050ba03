import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeSchedule } from './describe-schedule.js'
import { ScheduleError } from './errors.js'
import { readSchedule } from './read-schedule.js'
import type { ScheduleSpec } from './schedule-spec.js'
import { crontab, every, solar } from './specs.js'

const READ: readonly (readonly [input: unknown, spec: ScheduleSpec, words: string])[] = [
  [30, { kind: 'interval', every: 30_000 }, 'every 30s'],
  ['1h30m', { kind: 'interval', every: 5_400_000 }, 'every 1h30m'],
  [{ hours: 1, minutes: 30 }, { kind: 'interval', every: 5_400_000 }, 'every 1h30m'],
  [every(60, { relative: true }), { kind: 'interval', every: 60_000, relative: true }, 'every 1m, on the clock'],
  [
    '30 4 * * mon-fri',
    { kind: 'crontab', minute: '30', hour: '4', dayOfMonth: '*', monthOfYear: '*', dayOfWeek: 'mon-fri' },
    'at 04:30 on mon-fri',
  ],
  [
    crontab({ minute: '*/5', dayOfWeek: [1, 3], zone: 'Asia/Tokyo' }),
    { kind: 'crontab', minute: '*/5', dayOfWeek: [1, 3], zone: 'Asia/Tokyo' },
    'every 5 minutes on mon,wed, Asia/Tokyo',
  ],
  ['0 0 9 L * *', { kind: 'cron', expression: '0 0 9 L * *' }, 'cron 0 0 9 L * *'],
  ['@daily', { kind: 'cron', expression: '@daily' }, 'cron @daily'],
  [
    'R5/2026-01-01T00:00:00Z/PT1H',
    { kind: 'repeating', expression: 'R5/2026-01-01T00:00:00Z/PT1H' },
    'R5/2026-01-01T00:00:00Z/PT1H',
  ],
  ['2026-01-01T09:00:00Z', { kind: 'once', at: Date.UTC(2026, 0, 1, 9) }, 'once at 2026-01-01T09:00:00.000Z'],
  [
    solar('dawn_civil', 52.5, 13.4),
    { kind: 'solar', event: 'dawn_civil', latitude: 52.5, longitude: 13.4 },
    'dawn civil at 52.5, 13.4',
  ],
]

for (const [input, spec, words] of READ) {
  test(`${JSON.stringify(input)} is read as ${words}`, () => {
    assert.deepEqual(readSchedule(input), spec)
    assert.equal(describeSchedule(spec), words)
  })
}

test('a schedule read from its own JSON is the same', () => {
  for (const [, spec] of READ) assert.deepEqual(readSchedule(JSON.parse(JSON.stringify(spec))), spec)
})

test('in JSON, spans and instants may be text', () => {
  assert.deepEqual(readSchedule({ kind: 'interval', every: '5m', relative: true }), {
    kind: 'interval',
    every: 300_000,
    relative: true,
  })
  assert.deepEqual(readSchedule({ kind: 'once', at: '2026-01-01T09:00:00Z' }), {
    kind: 'once',
    at: Date.UTC(2026, 0, 1, 9),
  })
  assert.throws(
    () => readSchedule({ kind: 'once', at: 'noon' }),
    /^ScheduleError: schedule\.at: takes ms since 1970, or text/,
  )
  assert.throws(
    () => readSchedule({ kind: 'interval', every: 'soon' }),
    /^ScheduleError: schedule\.every: takes ms, or text/,
  )
})

const BAD: readonly (readonly [input: unknown, words: RegExp])[] = [
  [null, /^schedule: null is no schedule; give seconds/],
  [-5, /^interval\.every: takes seconds, or text such as 30s or 1h30m, not -5/],
  [Number.NaN, /^interval\.every: .* not NaN/],
  [true, /^schedule: true is no schedule/],
  ['whenever', /^schedule: "whenever" is no schedule/],
  ['', /^schedule: "" is no schedule/],
  [[], /^schedule: {2}is no schedule/],
  [{}, /^schedule: "\{\}" is no schedule/],
  [{ minute: 5 }, /^schedule\.minute: is not known; did you mean minutes\?/],
  [{ minutes: '5' }, /^schedule\.minutes: takes a number, not "5"/],
  [{ kind: 'lunar' }, /^schedule\.kind: "lunar" is none of interval, crontab/],
  [{ kind: 'crontab', minutes: 5 }, /^schedule\.minutes: is not known; did you mean minute\?/],
  [{ kind: 'crontab', minute: {} }, /^schedule\.minute: takes a number, a list of numbers, or text/],
  [{ kind: 'crontab', skipped: 'never' }, /^schedule\.skipped: takes shift or skip, not "never"/],
  [{ kind: 'solar', event: 'sunset', latitude: 1 }, /^schedule\.longitude: is missing/],
]

for (const [input, words] of BAD) {
  test(`what is no schedule is refused with the member and a remedy: ${JSON.stringify(input)}`, () => {
    assert.throws(
      () => readSchedule(input),
      error => error instanceof ScheduleError && words.test(error.message),
    )
  })
}

test('text of four fields, or with signs of other crons, names where they belong', () => {
  assert.throws(() => crontab('* * * *'), /is not five fields/)
})
