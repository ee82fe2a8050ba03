import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochMs } from '../lib/time.js'
import { makeSchedule } from './make-schedule.js'
import type { ClockChangeOptions, ScheduleSpec } from './schedule-spec.js'
import { cron, crontab } from './specs.js'
import { Zones } from './zones.js'

/* What becomes of times that clocks skip (Berlin, 31 March 2024) or repeat (27 October 2024). */

const zones = new Zones()
const zone = 'Europe/Berlin'

/** Instants of a stretch, as hours and minutes of UTC. */
function dues(spec: ScheduleSpec, from: string, to: string): string[] {
  const schedule = makeSchedule(spec, { zones, zone })
  const end = Date.parse(to)
  const found: EpochMs[] = []
  for (let at = schedule.next(Date.parse(from) - 1); at !== undefined && at < end; at = schedule.next(at)) {
    found.push(at)
  }
  const backwards: EpochMs[] = []
  for (
    let at = schedule.latest(0, end - 1);
    at !== undefined && at >= Date.parse(from);
    at = schedule.latest(0, at - 1)
  ) {
    backwards.unshift(at)
  }
  assert.deepEqual(backwards, found, 'the same from behind')
  return found.map(at => new Date(at).toISOString().slice(11, 16))
}

function both(fields: string, options: ClockChangeOptions, from: string, to: string): string[] {
  const found = dues(crontab(fields, options), from, to)
  assert.deepEqual(dues(cron(fields, options), from, to), found, 'a cron string as a crontab')
  return found
}

const SPRING = ['2024-03-30T23:00:00Z', '2024-03-31T03:00:00Z'] as const
const AUTUMN = ['2024-10-26T22:00:00Z', '2024-10-27T03:00:00Z'] as const

test('a skipped 02:30 is due at 03:30, or not that day', () => {
  assert.deepEqual(both('30 2 * * *', {}, ...SPRING), ['01:30'])
  assert.deepEqual(both('30 2 * * *', { skipped: 'skip' }, ...SPRING), [])
})

test('a time both skipped and still to come is due once', () => {
  assert.deepEqual(both('30 2,3 * * *', {}, ...SPRING), ['01:30'])
  assert.deepEqual(both('30 2,3 * * *', { skipped: 'skip' }, ...SPRING), ['01:30'])
})

test('what is due every half hour goes on every half hour where an hour is skipped', () => {
  const all = ['23:00', '23:30', '00:00', '00:30', '01:00', '01:30', '02:00', '02:30']
  assert.deepEqual(both('0,30 * * * *', {}, ...SPRING), all)
  assert.deepEqual(both('0,30 * * * *', { skipped: 'skip' }, ...SPRING), all)
})

test('a repeated 02:30 is due once, or twice', () => {
  assert.deepEqual(both('30 2 * * *', {}, ...AUTUMN), ['00:30'])
  assert.deepEqual(both('30 2 * * *', { repeated: 'twice' }, ...AUTUMN), ['00:30', '01:30'])
})

test('what is due every half hour leaves the repeated hour out, or does not', () => {
  assert.deepEqual(both('0,30 * * * *', {}, ...AUTUMN), [
    '22:00',
    '22:30',
    '23:00',
    '23:30',
    '00:00',
    '00:30',
    '02:00',
    '02:30',
  ])
  assert.deepEqual(both('0,30 * * * *', { repeated: 'twice' }, ...AUTUMN), [
    '22:00',
    '22:30',
    '23:00',
    '23:30',
    '00:00',
    '00:30',
    '01:00',
    '01:30',
    '02:00',
    '02:30',
  ])
})

test('who was last within the repeated hour goes on after it, without a pause between sends that have no end', () => {
  const schedule = makeSchedule(crontab('* * * * *'), { zones, zone })
  const within = Date.parse('2024-10-27T01:10:00Z')
  assert.equal(schedule.next(within), Date.parse('2024-10-27T02:00:00Z'))
})

/** Celery's own answers for Europe/Berlin: seconds from `now` to the next run. */
const VECTORS = [
  ['30 2 * * *', '2024-03-30T01:30:00Z', '2024-03-31T01:00:00Z', 1800],
  ['30 2 * * *', '2024-10-26T00:30:00Z', '2024-10-27T00:30:00Z', 0],
  ['30 2 * * *', '2024-10-27T00:30:00Z', '2024-10-27T00:30:00Z', 90_000],
  ['0 * * * *', '2024-10-27T00:00:01Z', '2024-10-27T00:30:00Z', 5400],
] as const

for (const [fields, last, now, seconds] of VECTORS) {
  test(`${fields}, last at ${last}, is due ${seconds} s after ${now}`, () => {
    const next = makeSchedule(crontab(fields), { zones, zone }).next(Date.parse(last))
    assert.equal(((next ?? 0) - Date.parse(now)) / 1000, seconds)
  })
}
