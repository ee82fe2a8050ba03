import type { EpochMs, Ms } from '../lib/time.js'
import type {
  DjangoClockedRow,
  DjangoCrontabRow,
  DjangoFlag,
  DjangoIntervalRow,
  DjangoNumber,
  DjangoSolarRow,
  DjangoTables,
  DjangoTaskRow,
  DjangoTime,
} from './django-rows.js'
import { ScheduleError } from './errors.js'
import { readSchedule } from './read-schedule.js'
import type { ScheduleSpec } from './schedule-spec.js'
import { readInstant } from './wall-text.js'
import { DAY, HOUR, MINUTE, SECOND } from './wall-time.js'

/** What a row of django-celery-beat asks for. */
export interface DjangoEntry {
  readonly name: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly schedule: ScheduleSpec
  readonly enabled: boolean
  /** Runs a single time, and is switched off then. */
  readonly oneOff: boolean
  readonly totalRunCount: number
  /** What the next run is counted from: the last run, else the last change of the row; undefined = now. */
  readonly last: EpochMs | undefined
  /** When somebody has last changed the row. */
  readonly changed: EpochMs | undefined
  /** No run before. */
  readonly start: EpochMs | undefined
  /** No run from then on; the tasks sent until then expire at it. */
  readonly end: EpochMs | undefined
  /** Tasks expire so long after they are sent. */
  readonly expiresIn: Ms | undefined
  readonly queue: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
  readonly priority: number | undefined
  /** With the entry's name, as django-celery-beat adds it. */
  readonly headers: Readonly<Record<string, unknown>>
}

export type DjangoReading =
  | { readonly kind: 'entry'; readonly entry: DjangoEntry }
  | { readonly kind: 'refused'; readonly name: string; readonly reason: ScheduleError }

const PERIODS: Readonly<Record<string, Ms>> = {
  days: DAY,
  hours: HOUR,
  minutes: MINUTE,
  seconds: SECOND,
  microseconds: 1 / 1000,
}

/** How far django-celery-beat goes back for an entry with a start that never ran, so that it is due right at its start. */
const LONG_AGO: Ms = 365 * 30 * DAY

/**
 * Entries of django-celery-beat's tables. One bad row is refused by its name and hinders no other. `readJson` reads what Celery has written: the
 * serializer `json` of the app. Source: django_celery_beat/models.py, schedulers.py:ModelEntry.
 */
export function djangoEntries(tables: DjangoTables, readJson: (text: string) => unknown): readonly DjangoReading[] {
  const schedules = new DjangoSchedules(tables)
  return tables.tasks.flatMap((row): readonly DjangoReading[] => {
    try {
      return [{ kind: 'entry', entry: entryOf(row, schedules.of(row), readJson) }]
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error
      // What is switched off may be as wrong as it likes.
      return isSet(row.enabled) ? [{ kind: 'refused', name: row.name, reason: error }] : []
    }
  })
}

class DjangoSchedules {
  readonly #intervals: ReadonlyMap<number, DjangoIntervalRow>
  readonly #crontabs: ReadonlyMap<number, DjangoCrontabRow>
  readonly #solars: ReadonlyMap<number, DjangoSolarRow>
  readonly #clocked: ReadonlyMap<number, DjangoClockedRow>

  constructor({ intervals, crontabs, solars, clocked }: DjangoTables) {
    this.#intervals = byId(intervals)
    this.#crontabs = byId(crontabs)
    this.#solars = byId(solars)
    this.#clocked = byId(clocked)
  }

  of(row: DjangoTaskRow): ScheduleSpec {
    const { interval_id: interval, crontab_id: crontab, solar_id: solar, clocked_id: clocked } = row
    const set = [interval, crontab, solar, clocked].filter(id => id !== null).length
    if (set !== 1) throw new ScheduleError('schedule', `the row names ${set} schedules; it takes exactly one`)
    if (interval !== null) return intervalSpec(found(this.#intervals, interval, 'interval'))
    if (crontab !== null) return crontabSpec(found(this.#crontabs, crontab, 'crontab'))
    if (solar !== null) return solarSpec(found(this.#solars, solar, 'solar'))
    const { clocked_time: time } = found(this.#clocked, clocked ?? 0, 'clocked')
    return { kind: 'once', at: instantOf(time, 'clocked_time') }
  }
}

function byId<Row extends { readonly id: DjangoNumber }>(rows: readonly Row[]): ReadonlyMap<number, Row> {
  return new Map(rows.map(row => [Number(row.id), row]))
}

function found<Row>(rows: ReadonlyMap<number, Row>, id: DjangoNumber, table: string): Row {
  const row = rows.get(Number(id))
  if (row === undefined) throw new ScheduleError(`${table}_id`, `there is no row ${id} in its table any more`)
  return row
}

function intervalSpec({ every, period }: DjangoIntervalRow): ScheduleSpec {
  const unit = PERIODS[period]
  if (unit === undefined) throw new ScheduleError('period', `${period} is none of ${Object.keys(PERIODS).join(', ')}`)
  return { kind: 'interval', every: Number(every) * unit }
}

function crontabSpec(row: DjangoCrontabRow): ScheduleSpec {
  return {
    kind: 'crontab',
    minute: row.minute,
    hour: row.hour,
    dayOfWeek: row.day_of_week,
    dayOfMonth: row.day_of_month,
    monthOfYear: row.month_of_year,
    zone: row.timezone,
  }
}

function solarSpec({ event, latitude, longitude }: DjangoSolarRow): ScheduleSpec {
  return readSchedule({ kind: 'solar', event, latitude: Number(latitude), longitude: Number(longitude) }, 'solar')
}

function entryOf(row: DjangoTaskRow, schedule: ScheduleSpec, readJson: (text: string) => unknown): DjangoEntry {
  const start = maybeInstant(row.start_time, 'start_time')
  const headers = objectIn(row.headers, 'headers', readJson)
  return {
    name: row.name,
    task: row.task,
    args: listIn(row.args, 'args', readJson),
    kwargs: objectIn(row.kwargs, 'kwargs', readJson),
    schedule,
    enabled: isSet(row.enabled),
    oneOff: isSet(row.one_off),
    totalRunCount: Number(row.total_run_count),
    last: lastOf(row, start, schedule),
    changed: maybeInstant(row.date_changed, 'date_changed'),
    start,
    end: maybeInstant(row.expires, 'expires'),
    expiresIn: row.expires === null && row.expire_seconds !== null ? Number(row.expire_seconds) * SECOND : undefined,
    queue: row.queue || undefined,
    exchange: row.exchange || undefined,
    routingKey: row.routing_key || undefined,
    priority: row.priority === null ? undefined : Number(row.priority),
    headers: { ...headers, periodic_task_name: row.name },
  }
}

function lastOf(row: DjangoTaskRow, start: EpochMs | undefined, schedule: ScheduleSpec): EpochMs | undefined {
  const last = maybeInstant(row.last_run_at, 'last_run_at')
  if (last !== undefined) return last
  // A clocked time that has passed when its row is made is due all the same.
  if (schedule.kind === 'once') return schedule.at - 1
  const changed = maybeInstant(row.date_changed, 'date_changed')
  return start === undefined ? changed : (changed ?? start) - LONG_AGO
}

function listIn(text: string, path: string, readJson: (text: string) => unknown): readonly unknown[] {
  const value = valueIn(text || '[]', path, readJson)
  if (Array.isArray(value)) return value
  throw new ScheduleError(path, `is no list in JSON: ${shown(text)}`)
}

function objectIn(
  text: string | null,
  path: string,
  readJson: (text: string) => unknown,
): Readonly<Record<string, unknown>> {
  const value = valueIn(text || '{}', path, readJson)
  // An object of JSON has names and values.
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ScheduleError(path, `is no object in JSON: ${shown(text ?? '')}`)
}

function valueIn(text: string, path: string, readJson: (text: string) => unknown): unknown {
  try {
    return readJson(text)
  } catch (cause) {
    throw new ScheduleError(path, `cannot be read as JSON: ${shown(text)}`, { cause })
  }
}

function maybeInstant(time: DjangoTime | null, path: string): EpochMs | undefined {
  return time === null ? undefined : instantOf(time, path)
}

/** Text without an offset is UTC: Django writes so where a database has no zones. */
function instantOf(time: DjangoTime, path: string): EpochMs {
  const instant = typeof time === 'string' ? readInstant(time) : time.getTime()
  if (instant !== undefined && Number.isFinite(instant)) return instant
  throw new ScheduleError(path, `${shown(String(time))} is no date and time`)
}

function isSet(flag: DjangoFlag): boolean {
  return Boolean(flag)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
