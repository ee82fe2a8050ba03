import type { EpochMs, Ms } from '../lib/time.js'
import type { SolarEvent } from './solar-event.js'

/** A schedule as data: can be stored, sent and compared. `makeSchedule` makes it work, builders are in specs.ts. */
export type ScheduleSpec = IntervalSpec | CrontabSpec | CronSpec | SolarSpec | RepeatingSpec | OnceSpec

/** Name of a time zone (`Europe/Berlin`); absent = that of the app. */
export type ZoneName = string

/** What becomes of wall-clock times that do not come, or come twice, where clocks are changed. */
export interface ClockChangeOptions {
  /** A time that clocks skip: `shift` (default, as Celery) = due as much later, `skip` = not that day. */
  readonly skipped?: 'shift' | 'skip'
  /** A time that clocks show twice: `once` (default, as Celery) = the first time only, `twice` = both. */
  readonly repeated?: 'once' | 'twice'
}

export interface IntervalSpec {
  readonly kind: 'interval'
  readonly every: Ms
  /** Rounds down to the day, hour or minute of the wall clock, whichever is the largest that `every` reaches. Default false. */
  readonly relative?: boolean
  /** Whose wall clock is meant by `relative`. */
  readonly zone?: ZoneName
}

/** One field of Celery's crontab: a number, several, or text in its grammar. */
export type CrontabField = number | string | readonly number[]

/** Celery's crontab: a day counts when month, day of month and day of week all match. Absent fields are `*`. */
export interface CrontabSpec extends ClockChangeOptions {
  readonly kind: 'crontab'
  readonly minute?: CrontabField
  readonly hour?: CrontabField
  /** Sunday = 0. */
  readonly dayOfWeek?: CrontabField
  readonly dayOfMonth?: CrontabField
  readonly monthOfYear?: CrontabField
  readonly zone?: ZoneName
}

/** A cron string of five fields, six (seconds first) or seven (years last), with `L`, `W`, `#`, or `@daily` and the like. */
export interface CronSpec extends ClockChangeOptions {
  readonly kind: 'cron'
  readonly expression: string
  readonly zone?: ZoneName
}

export interface SolarSpec {
  readonly kind: 'solar'
  readonly event: SolarEvent
  /** Degrees, north positive. */
  readonly latitude: number
  /** Degrees, east positive. */
  readonly longitude: number
}

/** ISO 8601: `R5/2026-01-01T00:00:00Z/PT1H`. */
export interface RepeatingSpec {
  readonly kind: 'repeating'
  readonly expression: string
  /** Whose calendar and clock count days, months and years. Absent: the offset in the text, else the app's zone. */
  readonly zone?: ZoneName
}

export interface OnceSpec {
  readonly kind: 'once'
  readonly at: EpochMs
}
