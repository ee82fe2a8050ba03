import type { EpochMs } from '../lib/time.js'
import { crontabGrid } from './crontab-grid.js'
import type { Schedule } from './schedule.js'
import type { CrontabSpec } from './schedule-spec.js'
import { HOUR, startOfDay } from './wall-time.js'
import type { Zone } from './zone.js'
import { ZonedGrid } from './zoned-grid.js'

/**
 * Celery's crontab, to the millisecond (celery/schedules.py:crontab.remaining_delta, of 5.6). One departure: an
 * instant not after `last` is never given. Celery gives one while clocks repeat an hour in which it was started, so that its
 * beat sends without pause until that hour is over.
 */
export class Crontab implements Schedule {
  readonly #zone: Zone
  readonly #instants: ZonedGrid

  constructor(spec: Omit<CrontabSpec, 'kind' | 'zone'>, zone: Zone, path = 'crontab') {
    this.#zone = zone
    this.#instants = new ZonedGrid(crontabGrid(spec, path), zone, spec)
  }

  next(last: EpochMs, now: EpochMs): EpochMs | undefined {
    const wall = this.#zone.wall(last)
    const isSameDay = startOfDay(wall) === startOfDay(this.#zone.wall(now))
    return this.#instants.next(last, isSameDay ? wall : Math.floor(wall / HOUR) * HOUR + HOUR - 1)
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    return this.#instants.latest(last, now)
  }
}
