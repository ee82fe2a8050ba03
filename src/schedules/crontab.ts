import type { EpochMs } from '../lib/time.js'
import { crontabGrid } from './crontab-grid.js'
import type { Schedule } from './schedule.js'
import type { CrontabSpec } from './schedule-spec.js'
import type { Zone } from './zone.js'
import { ZonedGrid } from './zoned-grid.js'

/**
 * Celery's crontab, to the millisecond (celery/schedules.py:crontab.remaining_delta, of 5.6). Two departures:
 *
 * - An instant not after `last` is never given. Celery gives one while clocks repeat an hour in which it was started, so that its
 *   beat sends without pause until that hour is over.
 * - Of the hour of `last` nothing is passed over when it is asked on a later day. In Celery's beat, what is due at 23:59 is lost if
 *   it comes to it after midnight.
 */
export class Crontab implements Schedule {
  readonly #instants: ZonedGrid

  constructor(spec: Omit<CrontabSpec, 'kind' | 'zone'>, zone: Zone, path = 'crontab') {
    this.#instants = new ZonedGrid(crontabGrid(spec, path), zone, spec)
  }

  next(last: EpochMs): EpochMs | undefined {
    return this.#instants.next(last)
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    return this.#instants.latest(last, now)
  }
}
