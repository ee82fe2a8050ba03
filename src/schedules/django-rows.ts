/*
 * Rows of django-celery-beat's tables (2.1 and later), as database clients hand them out: PostgreSQL's as `Date`, boolean and numeric text,
 * SQLite's as text, 0 and 1.
 */

export type DjangoTime = Date | string
export type DjangoFlag = boolean | number | bigint
export type DjangoNumber = number | bigint | string

/** `django_celery_beat_periodictask`. */
export interface DjangoTaskRow {
  readonly name: string
  readonly task: string
  readonly interval_id: DjangoNumber | null
  readonly crontab_id: DjangoNumber | null
  readonly solar_id: DjangoNumber | null
  readonly clocked_id: DjangoNumber | null
  /** JSON. */
  readonly args: string
  readonly kwargs: string
  readonly headers: string | null
  readonly queue: string | null
  readonly exchange: string | null
  readonly routing_key: string | null
  readonly priority: DjangoNumber | null
  readonly expires: DjangoTime | null
  readonly expire_seconds: DjangoNumber | null
  readonly one_off: DjangoFlag
  readonly start_time: DjangoTime | null
  readonly enabled: DjangoFlag
  readonly last_run_at: DjangoTime | null
  readonly total_run_count: DjangoNumber
  readonly date_changed: DjangoTime | null
}

/** `django_celery_beat_intervalschedule`. */
export interface DjangoIntervalRow {
  readonly id: DjangoNumber
  readonly every: DjangoNumber
  readonly period: string
}

/** `django_celery_beat_crontabschedule`. */
export interface DjangoCrontabRow {
  readonly id: DjangoNumber
  readonly minute: string
  readonly hour: string
  readonly day_of_week: string
  readonly day_of_month: string
  readonly month_of_year: string
  readonly timezone: string
}

/** `django_celery_beat_solarschedule`. */
export interface DjangoSolarRow {
  readonly id: DjangoNumber
  readonly event: string
  readonly latitude: DjangoNumber
  readonly longitude: DjangoNumber
}

/** `django_celery_beat_clockedschedule`. */
export interface DjangoClockedRow {
  readonly id: DjangoNumber
  readonly clocked_time: DjangoTime
}

export interface DjangoTables {
  readonly tasks: readonly DjangoTaskRow[]
  readonly intervals: readonly DjangoIntervalRow[]
  readonly crontabs: readonly DjangoCrontabRow[]
  readonly solars: readonly DjangoSolarRow[]
  readonly clocked: readonly DjangoClockedRow[]
}
