import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochMs } from '../../src/lib/time.js'
import { Crontab } from '../../src/schedules/crontab.js'
import { FIELDS, readCrontabField } from '../../src/schedules/crontab-field.js'
import { makeSchedule } from '../../src/schedules/make-schedule.js'
import type { Schedule } from '../../src/schedules/schedule.js'
import type { CrontabSpec } from '../../src/schedules/schedule-spec.js'
import { startOfDay } from '../../src/schedules/wall-time.js'
import { Zones } from '../../src/schedules/zones.js'
import { FuzzRandom } from '../fuzz/random.js'
import { celeryMissing } from '../support/python/python.js'
import {
  askCelery,
  type CrontabQuestion,
  type DueAnswer,
  type FieldQuestion,
  type IntervalQuestion,
  type Moment,
} from './python-dues.js'
import { randomCrontab } from './random-crontab.js'
import { clockChanges, FROM, TO, ZONES } from './zones-of-the-world.js'

/* Due times against those that Python's Celery computes now, with the corrections of 5.6 (python/dues.py). */

const missing = celeryMissing()
const needs = missing === undefined ? {} : { skip: missing }
const zones = new Zones()
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000] as const

test('zones here and in Python show the same time at every change of clocks in ten years', needs, () => {
  const questions = ZONES.map(zone => ({
    ask: 'offsets' as const,
    zone,
    instants: clockChanges(zones.get(zone)).flatMap(change => [change - 1, change]),
  }))
  const answers = askCelery(questions)
  let changes = 0
  for (const [index, { zone, instants }] of questions.entries()) {
    assert.deepEqual(
      instants.map(instant => zones.get(zone).offset(instant)),
      answers[index],
      zone,
    )
    changes += instants.length / 2
  }
  assert.ok(changes > 400, `only ${changes} changes`)
})

test('100,000 random crontabs, last runs, times and zones are due when Celery says', needs, () => {
  const random = new FuzzRandom('crontab', 1, 0)
  const questions = Array.from({ length: 4000 }, () =>
    crontabQuestion(random.pick(ZONES), randomCrontab(random), randomMoments(random, 25)),
  )
  const { compared } = compare(questions)
  assert.equal(compared, 100_000)
})

const AROUND_CHANGES: readonly Omit<CrontabSpec, 'kind'>[] = [
  {},
  { minute: '*/15' },
  { minute: 30 },
  { minute: 0, hour: '*/2' },
  { minute: '0,30', hour: '0-3' },
  { minute: '5-55/10', hour: '23,0,1,2,3' },
  { minute: 15, hour: 2, dayOfWeek: 'sun' },
]

test(
  'around every change of clocks in ten years and more than thirty zones, crontabs are due when Celery says',
  needs,
  () => {
    const random = new FuzzRandom('changes', 1, 0)
    const questions = ZONES.flatMap(zone => {
      const moments = clockChanges(zones.get(zone)).flatMap(change => momentsAround(random, change))
      return AROUND_CHANGES.map(spec => crontabQuestion(zone, spec, moments))
    })
    const { compared, departed } = compare(questions)
    assert.ok(compared > 40_000, `only ${compared} compared`)
    assert.ok(departed > 100, `only ${departed} within repeated hours`)
  },
)

test("within a repeated hour Celery's beat is due again at once, where ours goes on after it", needs, () => {
  const last = Date.UTC(2024, 9, 27, 1, 10)
  const moments: Moment[] = [[last, last + 1]]
  const [answers] = askCelery([crontabQuestion('Europe/Berlin', {}, moments)])
  const [next = 0, due, wait] = answers?.[0] ?? []
  assert.deepEqual([next < last, due, wait], [true, true, 0])
  assert.equal(new Crontab({}, zones.get('Europe/Berlin')).next(last), Date.UTC(2024, 9, 27, 2))
})

test('intervals are due when Celery says', needs, () => {
  const random = new FuzzRandom('interval', 1, 0)
  const questions: IntervalQuestion[] = Array.from({ length: 500 }, () => ({
    ask: 'interval',
    zone: 'UTC',
    every: 1 + random.below(random.pick([1000, MINUTE, HOUR, 3 * DAY])),
    relative: false,
    moments: randomMoments(random, 10),
  }))
  compareIntervals(questions)
})

test('relative intervals are due when Celery says, changed clocks included', needs, () => {
  const random = new FuzzRandom('relative', 1, 0)
  const questions = ZONES.flatMap(zone => {
    const changes = clockChanges(zones.get(zone)).flatMap(change => momentsAround(random, change).slice(4, 12))
    return [1500, MINUTE, 90_000, HOUR, 5 * HOUR + 1, DAY, 2.5 * DAY].map(
      (every): IntervalQuestion => ({
        ask: 'interval',
        zone,
        every,
        relative: true,
        moments: [...changes, ...randomMoments(random, 5)],
      }),
    )
  })
  compareIntervals(questions)
})

test('fields of a crontab hold the numbers that Celery reads, and what Celery refuses is refused', needs, () => {
  const random = new FuzzRandom('field', 1, 0)
  const signs = [
    '*',
    '/',
    '-',
    ',',

    '0',
    '1',
    '2',
    '5',
    '7',
    '12',
    '30',
    '59',
    'mon',
    'Sunday',
    'jan',
    'dec',
    'x',
    '?',
    'L',
    '#',
  ]
  const asked = Array.from({ length: 20_000 }, () => {
    const range = random.pick(Object.values(FIELDS))
    const text = Array.from({ length: random.few(7) }, () => random.pick(signs)).join('')
    return { range, text }
  })
  const answers = askCelery(
    asked.map(
      ({ range, text }): FieldQuestion => ({ ask: 'field', text, max: range.max - range.min + 1, min: range.min }),
    ),
  )
  const counts = { same: 0, bothRefuse: 0, junk: 0 }
  for (const [index, { range, text }] of asked.entries()) {
    const theirs = answers[index]
    const ours = readOrReason(range, text)
    if (typeof theirs === 'string') {
      assert.equal(
        typeof ours,
        'string',
        `${range.name} ${JSON.stringify(text)}: Celery refuses it (${theirs}), here it is ${ours}`,
      )
      counts.bothRefuse++
    } else if (typeof ours === 'string') {
      // Celery's patterns look at beginnings: what stands behind a whole part is ignored.
      assert.match(text, JUNK, `${range.name} ${JSON.stringify(text)}: Celery reads ${theirs}, here: ${ours}`)
      counts.junk++
    } else {
      assert.deepEqual(ours, theirs, `${range.name} ${JSON.stringify(text)}`)
      counts.same++
    }
  }
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 100, `only ${count} times ${what}`)
})

/** A part that goes on behind a star, a name, a range or a step. */
const JUNK = /\*[^/,]|\*\/\w+[^\w,]|\w-\w+[^\w/,]|\w-\w+\/\w+[^\w,]|[a-z]{3}(?:[^a-z,-]|-(?!\w))/i

function readOrReason(range: (typeof FIELDS)[keyof typeof FIELDS], text: string): readonly number[] | string {
  try {
    return readCrontabField(range, text)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function crontabQuestion(zone: string, spec: Omit<CrontabSpec, 'kind'>, moments: readonly Moment[]): CrontabQuestion {
  const { minute = '*', hour = '*', dayOfWeek = '*', dayOfMonth = '*', monthOfYear = '*' } = spec
  return { ask: 'crontab', zone, fields: [minute, hour, dayOfWeek, dayOfMonth, monthOfYear], moments }
}

function randomMoments(random: FuzzRandom, count: number): Moment[] {
  return Array.from({ length: count }, () => {
    const last = FROM + random.below((TO - FROM) / 1000) * 1000 + random.pick([0, 0, random.below(1000)])
    return [last, last + random.below(random.pick([1, MINUTE, HOUR, DAY, 40 * DAY, 400 * DAY]))]
  })
}

/** Last runs every half hour, or somewhat later, from four hours before to three hours after. */
function momentsAround(random: FuzzRandom, change: EpochMs): Moment[] {
  return Array.from({ length: 14 }, (_, index) => {
    const last = change + (index - 8) * 30 * MINUTE + random.pick([0, random.below(30 * MINUTE)])
    return [last, last + random.below(random.pick([1, MINUTE, 2 * HOUR, 2 * DAY]))]
  })
}

function compare(questions: readonly CrontabQuestion[]): { readonly compared: number; readonly departed: number } {
  const answers = askCelery(questions)
  let [compared, departed] = [0, 0]
  for (const [index, question] of questions.entries()) {
    const [minute, hour, dayOfWeek, dayOfMonth, monthOfYear] = question.fields as [
      string,
      string,
      string,
      string,
      string,
    ]
    const zone = zones.get(question.zone)
    const schedule = new Crontab({ minute, hour, dayOfWeek, dayOfMonth, monthOfYear }, zone)
    for (const [place, moment] of question.moments.entries()) {
      const answer = answers[index]?.[place]
      assert.ok(answer !== undefined)
      const story = `${JSON.stringify(question.fields)} in ${question.zone}`
      const [last, now] = moment
      const first = schedule.next(last)
      const isLater = startOfDay(zone.wall(last)) !== startOfDay(zone.wall(now))
      const ours = isLater ? beyondHour(schedule, first, answer[0], last + 2 * HOUR) : first
      if (agree(schedule, ours, moment, answer, story)) departed++
      compared++
    }
  }
  return { compared, departed }
}

function compareIntervals(questions: readonly IntervalQuestion[]): void {
  const answers = askCelery(questions)
  for (const [index, { zone, every, relative, moments }] of questions.entries()) {
    const schedule = makeSchedule({ kind: 'interval', every, relative, zone }, { zones })
    for (const [place, [last, now]] of moments.entries()) {
      const [next, due] = answers[index]?.[place] ?? []
      assert.ok(next !== undefined)
      const ours = schedule.next(last)
      const story = `every ${every} in ${zone}, last ${iso(last)}, now ${iso(now)}`
      if (next > last) assert.equal(iso(ours), iso(next), story)
      else assert.ok(ours !== undefined && ours > last, story)
      if (next > last) assert.equal(ours !== undefined && ours <= now, due, story)
    }
  }
}

/** True where Celery's answer is no instant after `last`. */
function agree(
  schedule: Schedule,
  ours: EpochMs | undefined,
  [last, now]: Moment,
  [next, due, wait, beyond]: DueAnswer,
  what: string,
): boolean {
  const story = `${what}, last ${iso(last)}, now ${iso(now)}`
  if (next <= last) {
    assert.equal(iso(ours), iso(beyond), `${story}, in a repeated hour`)
    return true
  }
  assert.equal(iso(ours), iso(next), story)
  assert.equal(next <= now, due, story)
  const following = due ? schedule.next(now) : ours
  // Celery's own wait is none where it goes back within a repeated hour.
  if (wait > 0) assert.equal(iso(following), iso(now + wait), `${story}, the time to wait`)
  return false
}

/** Asked on a later day Celery passes over what is left of the hour in which it last ran: an hour more where clocks skip that. */
function beyondHour(
  schedule: Schedule,
  first: EpochMs | undefined,
  theirs: EpochMs,
  until: EpochMs,
): EpochMs | undefined {
  let instant = first
  while (instant !== undefined && instant < theirs && instant <= until) instant = schedule.next(instant)
  return instant
}

function iso(instant: EpochMs | undefined): string {
  return instant === undefined ? 'never' : new Date(instant).toISOString()
}
