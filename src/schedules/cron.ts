import type { EpochMs } from '../lib/time.js'
import { cronGrid } from './cron-grid.js'
import type { Schedule } from './schedule.js'
import type { CronSpec } from './schedule-spec.js'
import type { Zone } from './zone.js'
import { ZonedGrid } from './zoned-grid.js'

/** A cron string on the clock of a zone. */
export class Cron implements Schedule {
  readonly #instants: ZonedGrid

  constructor(spec: Omit<CronSpec, 'kind' | 'zone'>, zone: Zone, path = 'cron') {
    this.#instants = new ZonedGrid(cronGrid(spec.expression, `${path}.expression`), zone, spec)
  }

  next(last: EpochMs): EpochMs | undefined {
    return this.#instants.next(last)
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    return this.#instants.latest(last, now)
  }
}
