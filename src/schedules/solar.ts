import type { EpochMs } from '../lib/time.js'
import { ScheduleError } from './errors.js'
import type { Schedule } from './schedule.js'
import type { SolarSpec } from './schedule-spec.js'
import { isSolarEvent, SOLAR_EVENTS, type SolarEvent } from './solar-event.js'
import { type SunPosition, sunPosition } from './sun.js'
import { DAY } from './wall-time.js'

interface Crossing {
  /** −1 before noon, 1 after, 0 at noon. */
  readonly side: -1 | 0 | 1
  /** Degrees above the horizon. */
  readonly altitude: number
  /** Which part of the disc is meant. */
  readonly limb: 'centre' | 'upper'
}

/** Source: celery/schedules.py:solar, without the sign by which its `dusk_astronomical` comes before sunset up to 5.6.2. */
const CROSSINGS: Readonly<Record<SolarEvent, Crossing>> = {
  dawn_astronomical: { side: -1, altitude: -18, limb: 'centre' },
  dawn_nautical: { side: -1, altitude: -12, limb: 'centre' },
  dawn_civil: { side: -1, altitude: -6, limb: 'centre' },
  sunrise: { side: -1, altitude: -34 / 60, limb: 'upper' },
  solar_noon: { side: 0, altitude: 0, limb: 'centre' },
  sunset: { side: 1, altitude: -34 / 60, limb: 'upper' },
  dusk_civil: { side: 1, altitude: -6, limb: 'centre' },
  dusk_nautical: { side: 1, altitude: -12, limb: 'centre' },
  dusk_astronomical: { side: 1, altitude: -18, limb: 'centre' },
}

const RADIANS = Math.PI / 180
const TURN = 2 * Math.PI
const CLOSE_ENOUGH = 20
const MAX_ROUNDS = 30
/** The longest polar night and day are shorter; below a twilight's altitude the sun may stay all year. */
const MAX_DAYS = 400

/**
 * An event of the sun at a place. Days on which it does not come, near the poles, are passed over; Celery's beat looks again on each of
 * them, and sends. Each solar day has a number, and its event is a function of that number alone.
 */
export class Solar implements Schedule {
  readonly #crossing: Crossing
  readonly #latitude: number
  readonly #longitude: number

  constructor({ event, latitude, longitude }: Omit<SolarSpec, 'kind'>, path = 'solar') {
    if (!isSolarEvent(event)) {
      throw new ScheduleError(`${path}.event`, `${JSON.stringify(event)} is none of ${SOLAR_EVENTS.join(', ')}`)
    }
    this.#crossing = CROSSINGS[event]
    this.#latitude = degrees(latitude, 90, `${path}.latitude`) * RADIANS
    this.#longitude = degrees(longitude, 180, `${path}.longitude`) * RADIANS
  }

  next(last: EpochMs): EpochMs | undefined {
    const first = this.#dayOf(last) - 1
    for (let day = first; day <= first + MAX_DAYS; day++) {
      const instant = this.#event(day)
      if (instant !== undefined && instant > last) return instant
    }
    return undefined
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    const first = this.#dayOf(now) + 1
    for (let day = first; day >= first - MAX_DAYS; day--) {
      const instant = this.#event(day)
      if (instant !== undefined && instant <= now) return instant > last ? instant : undefined
    }
    return undefined
  }

  #dayOf(instant: EpochMs): number {
    return Math.floor((instant + (this.#longitude / TURN) * DAY) / DAY)
  }

  #event(day: number): EpochMs | undefined {
    const noon = this.#noon(day)
    const { side } = this.#crossing
    return side === 0 ? Math.round(noon) : this.#cross(noon, side)
  }

  /** When the sun goes through the meridian. */
  #noon(day: number): number {
    let instant = day * DAY + DAY / 2 - (this.#longitude / TURN) * DAY
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const step = (-this.#hourAngle(sunPosition(instant)) / TURN) * DAY
      instant += step
      if (Math.abs(step) < CLOSE_ENOUGH) return instant
    }
    return instant
  }

  /** Goes to where the sun would cross if it kept its declination, until that is where it is. */
  #cross(noon: number, side: -1 | 1): EpochMs | undefined {
    let instant = noon + (side * DAY) / 4
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const sun = sunPosition(instant)
      const cosine = this.#crossingCosine(sun)
      const step = (turned(side * Math.acos(Math.min(1, Math.max(-1, cosine))) - this.#hourAngle(sun)) / TURN) * DAY
      instant += step
      if (Math.abs(step) < CLOSE_ENOUGH) return Math.abs(cosine) > 1 ? undefined : Math.round(instant)
    }
    return undefined
  }

  #hourAngle({ siderealTime, rightAscension }: SunPosition): number {
    return turned(siderealTime + this.#longitude - rightAscension)
  }

  /** Cosine of the hour angle of the crossing; beyond ±1 there is none. */
  #crossingCosine({ declination, radius, parallax }: SunPosition): number {
    const { altitude, limb } = this.#crossing
    const height = altitude * RADIANS - (limb === 'upper' ? radius : 0) + parallax
    const [up, along] = [
      Math.sin(this.#latitude) * Math.sin(declination),
      Math.cos(this.#latitude) * Math.cos(declination),
    ]
    return (Math.sin(height) - up) / along
  }
}

/** The same angle from −π to π. */
function turned(angle: number): number {
  return angle - TURN * Math.round(angle / TURN)
}

function degrees(value: number, limit: number, path: string): number {
  if (typeof value === 'number' && Math.abs(value) <= limit) return value
  throw new ScheduleError(path, `takes degrees from -${limit} to ${limit}, not ${String(value).slice(0, 64)}`)
}
