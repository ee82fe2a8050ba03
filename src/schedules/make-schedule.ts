import type { EpochMs, Ms } from '../lib/time.js'
import { Cron } from './cron.js'
import { Crontab } from './crontab.js'
import { ScheduleError } from './errors.js'
import { Interval, RelativeInterval } from './interval.js'
import { Once } from './once.js'
import { Repeating } from './repeating.js'
import type { Schedule } from './schedule.js'
import type { ScheduleSpec } from './schedule-spec.js'
import { Solar } from './solar.js'
import { SECOND } from './wall-time.js'
import type { Zone } from './zone.js'
import type { Zones } from './zones.js'

export interface ScheduleSurroundings {
  /** One for all schedules: what it knows of zones is shared. */
  readonly zones: Zones
  /** Of entries that name none; the setting `timezone`. Default UTC. */
  readonly zone?: string
}

/** A hundred years. */
const LONGEST: Ms = 3_155_760_000_000
const LATEST: EpochMs = 253_402_300_799_999

/** The schedule that a spec describes. Throws `ScheduleError`: `LVG_BAD_SCHEDULE` or `LVG_UNKNOWN_ZONE`. */
export function makeSchedule(spec: ScheduleSpec, { zones, zone = 'UTC' }: ScheduleSurroundings): Schedule {
  const zoneOf = (named: string | undefined): Zone =>
    named === undefined ? zones.get(zone, 'timezone') : zones.get(named, `${spec.kind}.zone`)
  switch (spec.kind) {
    case 'interval':
      checkInterval(spec.every, spec.relative)
      return spec.relative ? new RelativeInterval(spec.every, zoneOf(spec.zone)) : new Interval(spec.every)
    case 'crontab':
      return new Crontab(spec, zoneOf(spec.zone))
    case 'cron':
      return new Cron(spec, zoneOf(spec.zone))
    case 'solar':
      return new Solar(spec)
    case 'repeating':
      return new Repeating(spec, zoneOf(spec.zone), spec.zone !== undefined)
    case 'once':
      if (Number.isFinite(spec.at) && Math.abs(spec.at) <= LATEST) return new Once(spec.at)
      throw new ScheduleError('once.at', `takes an instant before the year 10000, in ms since 1970, not ${spec.at}`)
    default:
      throw new ScheduleError(
        'kind',
        `${JSON.stringify((spec satisfies never as ScheduleSpec).kind)} is no kind of schedule`,
      )
  }
}

function checkInterval(every: Ms, relative = false): void {
  const least = relative ? SECOND : 1
  if (Number.isFinite(every) && every >= least && every <= LONGEST) return
  const range = `${relative ? 'one second' : 'one millisecond'} to 100 years`
  throw new ScheduleError('interval.every', `takes ${range}, not ${every} ms`)
}
