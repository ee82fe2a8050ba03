import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import type { EpochMs } from '../../src/lib/time.js'
import { Solar } from '../../src/schedules/solar.js'
import { SOLAR_EVENTS, type SolarEvent } from '../../src/schedules/solar-event.js'
import { sunPosition } from '../../src/schedules/sun.js'
import { FuzzRandom } from '../fuzz/random.js'
import { celeryMissing, PYTHON } from '../support/python/python.js'
import { askCelery, type SunQuestion } from './python-dues.js'

/* Events of the sun against those that ephem computes, asked as Celery asks it (python/dues.py). */

const missing = celeryMissing() ?? ephemMissing()
const needs = missing === undefined ? {} : { skip: missing }
const [SECOND, DAY] = [1000, 86_400_000] as const

const ALTITUDES: Readonly<Record<SolarEvent, number>> = {
  dawn_astronomical: -18,
  dawn_nautical: -12,
  dawn_civil: -6,
  sunrise: -0.8333,
  solar_noon: 0,
  sunset: -0.8333,
  dusk_civil: -6,
  dusk_nautical: -12,
  dusk_astronomical: -18,
}

for (const [low, high, usual] of [
  [0, 40, 1.2],
  [40, 60, 1.5],
  [60, 67, 5],
  [67, 90, 5],
] as const) {
  test(
    `all nine events come within 60 s of ephem's, at ${low} to ${high} degrees north and south, from 2000 to 2050`,
    needs,
    () => {
      const random = new FuzzRandom('sun', 1, low)
      const questions = SOLAR_EVENTS.flatMap(event =>
        Array.from({ length: 16 }, () => question(random, event, low, high)),
      )
      const answers = askCelery(questions)
      let [compared, late] = [0, 0]
      for (const [index, asked] of questions.entries()) {
        const theirs = answers[index] ?? []
        const ours = eventsUpTo(asked, theirs.at(-1) ?? asked.after)
        const story = `${asked.event} at ${asked.latitude}, ${asked.longitude}`
        for (const instant of theirs) {
          if (!isIn(ours, instant)) assert.ok(grazes(asked, instant), `${story}: nothing at ${iso(instant)}`)
          compared++
        }
        for (const instant of ours) {
          if (!isIn(theirs, instant))
            assert.ok(grazes(asked, instant), `${story}: ephem has nothing at ${iso(instant)}`)
          else if (!isIn(theirs, instant, usual * SECOND)) late++
        }
      }
      assert.ok(compared > 500, `only ${compared} compared`)
      assert.ok(late < compared / 100, `${late} of ${compared} differ by more than ${usual} s`)
    },
  )
}

function question(random: FuzzRandom, event: SolarEvent, low: number, high: number): SunQuestion {
  const latitude = (random.once(2) ? 1 : -1) * (low + (random.below(1e6) / 1e6) * (high - low))
  const after = Date.UTC(2000, 0, 1) + random.below(50 * 365) * DAY + random.below(DAY)
  return { ask: 'sun', event, latitude, longitude: random.below(360e4) / 1e4 - 180, after, count: 20 }
}

function eventsUpTo({ event, latitude, longitude, after }: SunQuestion, end: EpochMs): readonly EpochMs[] {
  const solar = new Solar({ event: event as SolarEvent, latitude, longitude })
  const found: EpochMs[] = []
  for (let at = solar.next(after); at !== undefined && at <= end + 60 * SECOND; at = solar.next(at)) found.push(at)
  return found
}

function isIn(events: readonly EpochMs[], instant: EpochMs, tolerance = 60 * SECOND): boolean {
  return events.some(event => Math.abs(event - instant) <= tolerance)
}

/** On that day the sun's highest or lowest place is so near the altitude that a hair decides whether it crosses it. */
function grazes({ event, latitude }: SunQuestion, instant: EpochMs): boolean {
  const declination = (sunPosition(instant).declination * 180) / Math.PI
  const [highest, lowest] = [90 - Math.abs(latitude - declination), Math.abs(latitude + declination) - 90]
  const altitude = ALTITUDES[event as SolarEvent]
  return Math.min(Math.abs(highest - altitude), Math.abs(lowest - altitude)) < 0.05
}

function ephemMissing(): string | undefined {
  return spawnSync(PYTHON, ['-c', 'import ephem'], { stdio: 'ignore' }).status === 0
    ? undefined
    : "needs Python's ephem"
}

function iso(instant: EpochMs): string {
  return new Date(instant).toISOString()
}
