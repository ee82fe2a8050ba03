import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScheduleError } from './errors.js'
import { makeSchedule } from './make-schedule.js'
import type { ScheduleSpec } from './schedule-spec.js'
import { cron, crontab, every, once, repeating, solar } from './specs.js'
import { Zones } from './zones.js'

const zones = new Zones()

function at(text: string): number {
  const instant = Date.parse(text)
  assert.ok(Number.isFinite(instant), text)
  return instant
}

function dues(spec: ScheduleSpec, after: string, count: number, zone = 'UTC'): string[] {
  const schedule = makeSchedule(spec, { zones, zone })
  const found: string[] = []
  for (let last = at(after); found.length < count; ) {
    const next = schedule.next(last)
    if (next === undefined) break
    assert.equal(schedule.latest(last, next), next, 'what comes next is the latest when its time has come')
    assert.equal(schedule.latest(last, next - 1), undefined, 'nothing is due in between')
    found.push(new Date(next).toISOString().replace(':00.000Z', 'Z').replace('.000Z', 'Z'))
    last = next
  }
  return found
}

test('an interval is due when its time has passed since it was last', () => {
  assert.deepEqual(dues(every(90), '2026-01-01T00:00:07Z', 2), ['2026-01-01T00:01:37Z', '2026-01-01T00:03:07Z'])
})

test('a relative interval is rounded down to the unit it reaches, on the clock of its zone', () => {
  assert.deepEqual(dues(every('1d', { relative: true }), '2024-03-30T10:00:00Z', 3, 'Europe/Berlin'), [
    '2024-03-30T23:00Z',
    '2024-03-31T22:00Z',
    '2024-04-01T22:00Z',
  ])
  assert.deepEqual(dues(every('90m', { relative: true }), '2026-01-01T10:20:00Z', 2), [
    '2026-01-01T11:00Z',
    '2026-01-01T12:00Z',
  ])
  assert.deepEqual(dues(every('2.5s', { relative: true }), '2026-01-01T10:20:00.700Z', 2), [
    '2026-01-01T10:20:03Z',
    '2026-01-01T10:20:05Z',
  ])
})

test('a crontab is due where all its fields match', () => {
  const friday13 = crontab({ minute: 30, hour: '4,16', dayOfMonth: 13, dayOfWeek: 'fri' })
  assert.deepEqual(dues(friday13, '2026-01-01T00:00:00Z', 3), [
    '2026-02-13T04:30Z',
    '2026-02-13T16:30Z',
    '2026-03-13T04:30Z',
  ])
  assert.deepEqual(dues(crontab('0 12 29 2 mon'), '2026-01-01T00:00:00Z', 2), [
    '2044-02-29T12:00Z',
    '2072-02-29T12:00Z',
  ])
})

test('a cron string knows seconds, last days, workdays and nth weekdays', () => {
  assert.deepEqual(dues(cron('*/20 * * * * *'), '2026-01-01T00:00:30Z', 2), [
    '2026-01-01T00:00:40Z',
    '2026-01-01T00:01Z',
  ])
  assert.deepEqual(dues(cron('0 9 L * *'), '2026-01-01T00:00:00Z', 2), ['2026-01-31T09:00Z', '2026-02-28T09:00Z'])
  assert.deepEqual(dues(cron('0 9 15W * *'), '2026-01-01T00:00:00Z', 2), ['2026-01-15T09:00Z', '2026-02-16T09:00Z'])
  assert.deepEqual(dues(cron('0 9 * * fri#2'), '2026-01-01T00:00:00Z', 1), ['2026-01-09T09:00Z'])
  assert.deepEqual(dues(cron('0 0 9 1 1 * 2027'), '2026-01-01T00:00:00Z', 2), ['2027-01-01T09:00Z'])
})

test('a repeating interval counts months and years from its start', () => {
  assert.deepEqual(dues(repeating('R4/2026-01-31T08:00:00Z/P1M'), '2020-01-01T00:00:00Z', 9), [
    '2026-01-31T08:00Z',
    '2026-02-28T08:00Z',
    '2026-03-31T08:00Z',
    '2026-04-30T08:00Z',
  ])
  assert.deepEqual(dues(repeating('R5/2026-01-01T00:00:00Z/PT1H'), '2026-01-01T02:30:00Z', 9), [
    '2026-01-01T03:00Z',
    '2026-01-01T04:00Z',
  ])
  assert.deepEqual(dues(repeating('R/2024-02-29T00:00:00Z/P1Y'), '2025-06-01T00:00:00Z', 3), [
    '2026-02-28T00:00Z',
    '2027-02-28T00:00Z',
    '2028-02-29T00:00Z',
  ])
})

test('a repeating interval is also given by start and end, or counted back from its end', () => {
  assert.deepEqual(dues(repeating('R2/2026-01-01T00:00:00Z/2026-01-01T06:00:00Z'), '2020-01-01T00:00:00Z', 3), [
    '2026-01-01T00:00Z',
    '2026-01-01T06:00Z',
  ])
  assert.deepEqual(dues(repeating('R3/P1D/2026-03-03T00:00:00Z'), '2020-01-01T00:00:00Z', 4), [
    '2026-03-01T00:00Z',
    '2026-03-02T00:00Z',
    '2026-03-03T00:00Z',
  ])
})

test('a repeating interval ends with the calendar', () => {
  assert.deepEqual(dues(repeating('R/9998-06-01T00:00:00Z/P1Y'), '9990-01-01T00:00:00Z', 5), [
    '9998-06-01T00:00Z',
    '9999-06-01T00:00Z',
  ])
})

test('days of a repeating interval are those of its zone', () => {
  const daily = repeating('R/2024-03-30T09:00:00/P1D', { zone: 'Europe/Berlin' })
  assert.deepEqual(dues(daily, '2024-03-30T00:00:00Z', 2), ['2024-03-30T08:00Z', '2024-03-31T07:00Z'])
  assert.deepEqual(dues(repeating('R/2024-03-30T09:00:00+01:00/P1D'), '2024-03-30T00:00:00Z', 2, 'Europe/Berlin'), [
    '2024-03-30T08:00Z',
    '2024-03-31T08:00Z',
  ])
})

test('something that happens once is due once', () => {
  assert.deepEqual(dues(once('2026-05-05T12:00:00+02:00'), '2026-01-01T00:00:00Z', 2), ['2026-05-05T10:00Z'])
})

test('the sun sets once a day, and not at all in a polar summer', () => {
  const days = dues(solar('sunset', 52.52, 13.4), '2026-06-20T00:00:00Z', 3)
  assert.deepEqual(
    days.map(text => text.slice(0, 13)),
    ['2026-06-20T19', '2026-06-21T19', '2026-06-22T19'],
  )
  const [tromso = ''] = dues(solar('sunset', 69.65, 18.96), '2026-06-01T00:00:00Z', 1)
  assert.equal(tromso.slice(0, 7), '2026-07')
})

test('of a sun that never crosses, nothing ever comes', () => {
  assert.deepEqual(dues(solar('sunrise', 90, 0), '2026-01-01T00:00:00Z', 1), [])
})

const BAD: readonly (readonly [spec: ScheduleSpec, code: string, words: RegExp])[] = [
  [
    { kind: 'interval', every: 0 },
    'LVG_BAD_SCHEDULE',
    /^interval\.every: takes one millisecond to 100 years, not 0 ms/,
  ],
  [{ kind: 'interval', every: 500, relative: true }, 'LVG_BAD_SCHEDULE', /^interval\.every: takes one second to/],
  [crontab({ minute: '61' }), 'LVG_BAD_SCHEDULE', /^crontab\.minute: 61 is outside 0 to 59/],
  [crontab({ dayOfWeek: 7 }), 'LVG_BAD_SCHEDULE', /^crontab\.dayOfWeek: 7 is outside 0 to 6; Sunday is 0/],
  [crontab('0 0 30 2 *'), 'LVG_BAD_SCHEDULE', /^crontab\.dayOfMonth: none of the months in monthOfYear has a day 30/],
  [
    crontab({ zone: 'Europe/Berln' }),
    'LVG_UNKNOWN_ZONE',
    /^crontab\.zone: .*"Europe\/Berln"; did you mean Europe\/Berlin\?/,
  ],
  [cron('0 0 30 2 *'), 'LVG_BAD_SCHEDULE', /^cron\.expression: "0 0 30 2 \*" names a day that no month has/],
  [cron('a b c d e'), 'LVG_BAD_SCHEDULE', /^cron\.expression: "a b c d e" cannot be read/],
  [repeating('R5/2026-02-30T00:00:00Z/PT1H'), 'LVG_BAD_SCHEDULE', /^repeating\.expression: .* cannot be read/],
  [repeating('R5/2026-01-01T00:00:00Z/PT0S'), 'LVG_BAD_SCHEDULE', /must be above 0/],
  [repeating('R0/2026-01-01T00:00:00Z/PT1S'), 'LVG_BAD_SCHEDULE', /repeats 0 times/],
  [repeating('R/P1D/2026-01-01T00:00:00Z'), 'LVG_BAD_SCHEDULE', /neither start nor number/],
  [solar('sunset', 91, 0), 'LVG_BAD_SCHEDULE', /^solar\.latitude: takes degrees from -90 to 90, not 91/],
  [solar('sunset', 0, Number.NaN), 'LVG_BAD_SCHEDULE', /^solar\.longitude/],
  [once(Number.NaN), 'LVG_BAD_SCHEDULE', /^once\.at/],
]

for (const [spec, code, words] of BAD) {
  test(`a schedule that cannot be kept is refused: ${JSON.stringify(spec)}`, () => {
    assert.throws(
      () => makeSchedule(spec, { zones }),
      error => error instanceof ScheduleError && error.code === code && words.test(error.message),
    )
  })
}

test('an unknown zone of the app is refused by the name of the setting', () => {
  assert.throws(
    () => makeSchedule(crontab({}), { zones, zone: 'Mars/Olympus' }),
    /timezone: there is no time zone "Mars\/Olympus"/,
  )
})
