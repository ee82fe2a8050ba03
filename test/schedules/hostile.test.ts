import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeSchedule } from '../../src/schedules/describe-schedule.js'
import { ScheduleError } from '../../src/schedules/errors.js'
import { makeSchedule } from '../../src/schedules/make-schedule.js'
import { readSchedule } from '../../src/schedules/read-schedule.js'
import { Zones } from '../../src/schedules/zones.js'
import { FuzzRandom } from '../fuzz/random.js'

/* Whatever is given as a schedule is refused by a ScheduleError, or can be kept: time only goes forward. */

const zones = new Zones()
const SIGNS = [
  '*',
  '/',
  '-',
  ',',
  ' ',
  ' ',
  ' ',
  '0',
  '1',
  '5',
  '12',
  '31',
  '59',
  '2026',
  'mon',
  'jan',
  'L',
  'W',
  '#',
  '?',
  '@daily',
  '+',
]
const ISO = [
  'R',
  'R5',
  'R-1',
  '/',
  '/',
  '2026-01-31T00:00:00Z',
  '2024-02-29',
  '9999-12-31',
  'P',
  'P1M',
  'PT1H',
  'P1Y2M3DT4H',
  'PT0.001S',
  'P99999999Y',
  'T',
  '1s',
  '1h',
]
const VALUES = [
  0,
  -1,
  1,
  59,
  0.5,
  1e3,
  1e15,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  -0,
  '',
  '*',
  '*/5',
  '1-3',
  'UTC',
  'Europe/Berlin',
  'Nowhere',
  'sunset',
  'dawn_civil',
  true,
  null,
  [],
  [1, 2],
  {},
  '1'.repeat(2000),
]
const MEMBERS = [
  'every',
  'relative',
  'zone',
  'minute',
  'hour',
  'dayOfWeek',
  'dayOfMonth',
  'monthOfYear',
  'skipped',
  'repeated',
  'expression',
  'event',
  'latitude',
  'longitude',
  'at',
  'days',
  '__proto__',
]
const KINDS = ['interval', 'crontab', 'cron', 'solar', 'repeating', 'once', 'toString', 7]
const MOMENTS = [
  Date.UTC(2026, 2, 29, 0, 59),
  Date.UTC(2026, 9, 25, 1, 30),
  0,
  -1,
  Date.UTC(1960, 5, 1),
  Date.UTC(2199, 0, 1),
]

test('text of all signs', () => {
  const random = new FuzzRandom('schedule text', 1, 0)
  const kept = Array.from({ length: 6000 }, () => isKept(random, text(random))).filter(Boolean).length
  assert.ok(kept > 50, `only ${kept} kept`)
})

test('objects of all members', () => {
  const random = new FuzzRandom('schedule object', 1, 0)
  const kept = Array.from({ length: 6000 }, () => isKept(random, object(random))).filter(Boolean).length
  assert.ok(kept > 50, `only ${kept} kept`)
})

test('values that are no schedule at all', () => {
  const random = new FuzzRandom('schedule value', 1, 0)
  for (const value of [...VALUES, undefined, () => 1, Symbol('s'), 5n, new Date(), new Map(), Object.create(null)])
    isKept(random, value)
})

function text(random: FuzzRandom): string {
  const signs = random.once(3) ? ISO : SIGNS
  return Array.from({ length: 1 + random.below(14) }, () => random.pick(signs)).join('')
}

function object(random: FuzzRandom): unknown {
  const members = random.once(10) ? [] : [['kind', random.pick(KINDS)]]
  for (let count = random.below(4); count > 0; count--) {
    members.push([random.pick(MEMBERS), random.once(4) ? text(random) : random.pick<unknown>(VALUES)] as [
      string,
      string,
    ])
  }
  return Object.fromEntries(members)
}

function isKept(random: FuzzRandom, value: unknown): boolean {
  try {
    const spec = readSchedule(value)
    const schedule = makeSchedule(spec, { zones, zone: 'Europe/Berlin' })
    assert.ok(describeSchedule(spec).length < 5000)
    let last = random.pick(MOMENTS)
    for (let round = 0; round < 3; round++) {
      const next = schedule.next(last)
      if (next === undefined) break
      assert.ok(Number.isFinite(next) && next > last, `${JSON.stringify(spec)}: ${next} after ${last}`)
      const latest = schedule.latest(last, next)
      assert.ok(
        latest !== undefined && latest > last && latest <= next,
        `${JSON.stringify(spec)}: latest ${latest} of ${last} to ${next}`,
      )
      last = next
    }
    return true
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error
    assert.ok(error.message.length < 1000)
    return false
  }
}
