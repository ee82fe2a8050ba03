import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type DjangoEntry, djangoEntries } from '../../../src/schedules/django-entries.js'
import type { DjangoTables } from '../../../src/schedules/django-rows.js'
import { makeSchedule } from '../../../src/schedules/make-schedule.js'
import { Zones } from '../../../src/schedules/zones.js'
import { repositoryRoot } from '../../support/repository.js'

/* Rows that django-celery-beat has written, and what its own scheduler reads from them (make_rows.py). */

interface BeatEntry {
  readonly name: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly options: {
    readonly queue?: string
    readonly exchange?: string
    readonly routing_key?: string
    readonly priority?: number
    /** ISO 8601, or seconds. */
    readonly expires?: string | number
    readonly headers: Readonly<Record<string, unknown>>
  }
  readonly schedule: string
}

const FILE = join(repositoryRoot(), 'test', 'schedules', 'django', 'rows.json')
const written = JSON.parse(readFileSync(FILE, 'utf8')) as {
  readonly tables: DjangoTables
  readonly beat: readonly BeatEntry[]
}

const TIMES = ['expires', 'start_time', 'last_run_at', 'date_changed', 'clocked_time']
const FLAGS = ['enabled', 'one_off']

/** As PostgreSQL's client hands them out: instants, booleans, and decimal numbers as text. */
function asPostgres(tables: DjangoTables): DjangoTables {
  const text = JSON.stringify(tables, (name, value: unknown) => {
    if (FLAGS.includes(name)) return value === 1
    return ['latitude', 'longitude'].includes(name) ? Number(value).toFixed(6) : value
  })
  return JSON.parse(text, (name, value: unknown) =>
    TIMES.includes(name) && typeof value === 'string' ? new Date(`${value.slice(0, 23).replace(' ', 'T')}Z`) : value,
  ) as DjangoTables
}

function entriesOf(tables: DjangoTables): readonly DjangoEntry[] {
  return djangoEntries(tables, JSON.parse).map(reading => {
    assert.ok(reading.kind === 'entry', reading.kind === 'refused' ? `${reading.name}: ${reading.reason.message}` : '')
    return reading.entry
  })
}

test("tasks, arguments and options are those that django-celery-beat's scheduler reads", () => {
  const entries = entriesOf(written.tables)
  assert.deepEqual(
    entries.map(({ name, task, args, kwargs, headers, queue, exchange, routingKey, priority, end, expiresIn }) => ({
      name,
      task,
      args,
      kwargs,
      headers,
      queue,
      exchange,
      routingKey,
      priority,
      expires: end ?? (expiresIn === undefined ? undefined : expiresIn / 1000),
    })),
    written.beat.map(({ name, task, args, kwargs, options }) => ({
      name,
      task,
      args,
      kwargs,
      // Since 2.5 the name is a header; 2.4 has it as an option of its own.
      headers: { ...options.headers, periodic_task_name: name },
      queue: options.queue,
      exchange: options.exchange,
      routingKey: options.routing_key,
      priority: options.priority,
      expires: typeof options.expires === 'string' ? Date.parse(options.expires) : options.expires,
    })),
  )
})

test('schedules are those of its rows, and all can be kept', () => {
  const schedules = new Map(entriesOf(written.tables).map(({ name, schedule }) => [name, schedule]))
  const zones = new Zones()
  for (const schedule of schedules.values()) makeSchedule(schedule, { zones })
  assert.deepEqual(schedules.get('plain'), { kind: 'interval', every: 600_000 })
  assert.deepEqual(schedules.get('microseconds'), { kind: 'interval', every: 2500 })
  assert.deepEqual(schedules.get('quarters'), {
    kind: 'crontab',
    minute: '*/15',
    hour: '*',
    dayOfWeek: '*',
    dayOfMonth: '1,15',
    monthOfYear: '*/3',
    zone: 'UTC',
  })
  assert.deepEqual(schedules.get('sunset'), {
    kind: 'solar',
    event: 'sunset',
    latitude: -37.81753,
    longitude: 144.96715,
  })
  assert.deepEqual(schedules.get('once'), { kind: 'once', at: Date.UTC(2026, 4, 5, 12, 0, 0, 250) })
})

test("PostgreSQL's rows say the same as SQLite's", () => {
  assert.deepEqual(entriesOf(asPostgres(written.tables)), entriesOf(written.tables))
})
