import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DjangoEntry, djangoEntries } from './django-entries.js'
import type { DjangoTables, DjangoTaskRow } from './django-rows.js'
import { makeSchedule } from './make-schedule.js'
import { Zones } from './zones.js'

/** As django-celery-beat writes a row that says nothing else. */
const ROW: DjangoTaskRow = {
  name: 'clean up',
  task: 'app.clean',
  interval_id: null,
  crontab_id: null,
  solar_id: null,
  clocked_id: null,
  args: '[]',
  kwargs: '{}',
  headers: '{}',
  queue: null,
  exchange: null,
  routing_key: null,
  priority: null,
  expires: null,
  expire_seconds: null,
  one_off: false,
  start_time: null,
  enabled: true,
  last_run_at: null,
  total_run_count: 0,
  date_changed: new Date('2026-01-01T10:00:00Z'),
}

const TABLES: DjangoTables = {
  tasks: [],
  intervals: [
    { id: 1, every: 10, period: 'minutes' },
    { id: 2, every: 1_500_000, period: 'microseconds' },
    { id: 3, every: 1, period: 'weeks' },
  ],
  crontabs: [
    {
      id: 1,
      minute: '30',
      hour: '4',
      day_of_week: 'mon-fri',
      day_of_month: '*',
      month_of_year: '*',
      timezone: 'Europe/Berlin',
    },
  ],
  solars: [
    { id: 1, event: 'sunset', latitude: '-37.814000', longitude: '144.963320' },
    { id: 2, event: 'moonrise', latitude: '0', longitude: '0' },
  ],
  clocked: [{ id: 1, clocked_time: new Date('2026-05-05T12:00:00Z') }],
}

function entry(row: Partial<DjangoTaskRow>): DjangoEntry {
  const [reading] = djangoEntries({ ...TABLES, tasks: [{ ...ROW, ...row }] }, JSON.parse)
  assert.ok(reading?.kind === 'entry', reading?.kind === 'refused' ? reading.reason.message : 'nothing')
  return reading.entry
}

test('an interval counts from the last change of its row until it has run', () => {
  assert.deepEqual(entry({ interval_id: 1 }), {
    name: 'clean up',
    task: 'app.clean',
    args: [],
    kwargs: {},
    schedule: { kind: 'interval', every: 600_000 },
    enabled: true,
    oneOff: false,
    totalRunCount: 0,
    last: Date.UTC(2026, 0, 1, 10),
    changed: Date.UTC(2026, 0, 1, 10),
    start: undefined,
    end: undefined,
    expiresIn: undefined,
    queue: undefined,
    exchange: undefined,
    routingKey: undefined,
    priority: undefined,
    headers: { periodic_task_name: 'clean up' },
  })
  assert.deepEqual(entry({ interval_id: 2 }).schedule, { kind: 'interval', every: 1500 })
})

test('a crontab keeps its own time zone', () => {
  const { schedule, last } = entry({ crontab_id: 1, last_run_at: new Date('2026-01-02T03:30:00Z') })
  assert.deepEqual(schedule, {
    kind: 'crontab',
    minute: '30',
    hour: '4',
    dayOfWeek: 'mon-fri',
    dayOfMonth: '*',
    monthOfYear: '*',
    zone: 'Europe/Berlin',
  })
  assert.equal(makeSchedule(schedule, { zones: new Zones() }).next(last ?? 0), Date.parse('2026-01-05T03:30:00Z'))
})

test('an event of the sun has its place as numeric text', () => {
  assert.deepEqual(entry({ solar_id: 1 }).schedule, {
    kind: 'solar',
    event: 'sunset',
    latitude: -37.814,
    longitude: 144.96332,
  })
})

test('a clocked row is due once, also when its time had passed when it was made', () => {
  const at = Date.UTC(2026, 4, 5, 12)
  const { schedule, oneOff, last } = entry({
    clocked_id: 1,
    one_off: true,
    date_changed: new Date('2026-07-01T00:00:00Z'),
  })
  assert.deepEqual([schedule, oneOff, last], [{ kind: 'once', at }, true, at - 1])
  assert.equal(entry({ clocked_id: 1, last_run_at: new Date(at) }).last, at)
})

test('arguments, route, priority and headers are taken over', () => {
  const full = entry({
    interval_id: 1,
    args: '[1, "two"]',
    kwargs: '{"deep": {"er": [null]}}',
    headers: '{"tenant": "a"}',
    queue: 'slow',
    exchange: 'ex',
    routing_key: 'slow.key',
    priority: 7,
  })
  assert.deepEqual(full.args, [1, 'two'])
  assert.deepEqual(full.kwargs, { deep: { er: [null] } })
  assert.deepEqual(full.headers, { tenant: 'a', periodic_task_name: 'clean up' })
  assert.deepEqual([full.queue, full.exchange, full.routingKey, full.priority], ['slow', 'ex', 'slow.key', 7])
})

test('empty text, which forms of the admin leave behind, is as good as none', () => {
  const empty = entry({ interval_id: 1, args: '', kwargs: '', headers: null, queue: '', exchange: '', routing_key: '' })
  assert.deepEqual(
    [empty.args, empty.kwargs, empty.queue, empty.exchange, empty.routingKey],
    [[], {}, undefined, undefined, undefined],
  )
})

test('expires is an end, expire_seconds a span', () => {
  assert.equal(entry({ interval_id: 1, expires: new Date('2026-02-01T00:00:00Z') }).end, Date.UTC(2026, 1, 1))
  assert.equal(entry({ interval_id: 1, expire_seconds: 90 }).expiresIn, 90_000)
})

test('an entry with a start that never ran is due at its start', () => {
  const { start, last = 0, schedule } = entry({ crontab_id: 1, start_time: new Date('2026-03-01T00:00:00Z') })
  assert.equal(start, Date.UTC(2026, 2, 1))
  const next = makeSchedule(schedule, { zones: new Zones() }).next(last) ?? 0
  assert.ok(next < Date.UTC(2026, 2, 1))
})

test("SQLite's rows are read, too", () => {
  const lite = entry({
    interval_id: 1n,
    one_off: 1,
    enabled: 0,
    start_time: '2026-03-01 00:00:00',
    last_run_at: '2026-01-02 03:04:05.678901',
    total_run_count: 5n,
  })
  assert.deepEqual(
    [lite.oneOff, lite.enabled, lite.start, lite.last, lite.totalRunCount],
    [true, false, Date.UTC(2026, 2, 1), Date.UTC(2026, 0, 2, 3, 4, 5, 678), 5],
  )
})

const BAD: readonly (readonly [row: Partial<DjangoTaskRow>, words: RegExp])[] = [
  [{}, /^schedule: the row names 0 schedules; it takes exactly one/],
  [{ interval_id: 1, crontab_id: 1 }, /names 2 schedules/],
  [{ interval_id: 99 }, /^interval_id: there is no row 99/],
  [{ interval_id: 3 }, /^period: weeks is none of days, hours/],
  [{ interval_id: 1, args: '[1' }, /^args: cannot be read as JSON: "\[1"/],
  [{ interval_id: 1, args: '{}' }, /^args: is no list/],
  [{ interval_id: 1, kwargs: '[]' }, /^kwargs: is no object/],
  [{ interval_id: 1, headers: '3' }, /^headers: is no object/],
  [{ interval_id: 1, last_run_at: 'yesterday' }, /^last_run_at: "yesterday" is no date and time/],
  [{ interval_id: 1, start_time: new Date(Number.NaN) }, /^start_time/],
]

test('a bad row is refused by its name and reason, and hinders no other', () => {
  const tasks = BAD.map(([row], index) => ({ ...ROW, name: `bad ${index}`, ...row }))
  const readings = djangoEntries({ ...TABLES, tasks: [...tasks, { ...ROW, interval_id: 1 }] }, JSON.parse)
  for (const [index, [, words]] of BAD.entries()) {
    const reading = readings[index]
    assert.ok(reading?.kind === 'refused', `row ${index}`)
    assert.equal(reading.name, `bad ${index}`)
    assert.match(reading.reason.message, words)
  }
  assert.equal(readings.at(-1)?.kind, 'entry')
})

test('a schedule that cannot be kept is found where it is made', () => {
  const { schedule } = entry({ solar_id: 2 })
  assert.throws(
    () => makeSchedule(schedule, { zones: new Zones() }),
    /^ScheduleError: solar\.event: "moonrise" is none of/,
  )
})
