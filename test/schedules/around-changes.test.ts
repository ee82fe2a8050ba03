import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochMs } from '../../src/lib/time.js'
import { Crontab } from '../../src/schedules/crontab.js'
import { crontabGrid } from '../../src/schedules/crontab-grid.js'
import type { ClockChangeOptions } from '../../src/schedules/schedule-spec.js'
import type { Zone } from '../../src/schedules/zone.js'
import { Zones } from '../../src/schedules/zones.js'
import { clockChanges, ZONES } from './zones-of-the-world.js'

/* Around every change of clocks, against a look at each minute. Whole minutes: no zone here has changed at another time. */

const zones = new Zones()
const [MINUTE, HOUR] = [60_000, 3_600_000] as const

const FIELDS = [
  {},
  { minute: '*/15' },
  { minute: 30 },
  { minute: 0, hour: '*/2' },
  { minute: '5-55/10', hour: '23,0,1,2,3' },
  { minute: '10,50', hour: 2 },
] as const

for (const repeated of ['once', 'twice'] as const) {
  test(`with skipped times left out and repeated times ${repeated}, crontabs are due at the minutes that match`, () => {
    let found = 0
    eachCase({ skipped: 'skip', repeated }, (schedule, zone, fields, change) => {
      const grid = crontabGrid(fields)
      const expected: EpochMs[] = []
      for (let at = change - 5 * HOUR; at < change + 5 * HOUR; at += MINUTE) {
        const wall = zone.wall(at)
        const place = zone.place(wall)
        const isAgain = place.kind === 'repeated' && at >= place.change
        if (grid.previous(wall) === wall && (repeated === 'twice' || !isAgain)) expected.push(at)
      }
      assert.deepEqual(forwards(schedule, change), expected)
      found += expected.length
    })
    assert.ok(found > 10_000, `only ${found} instants`)
  })
}

for (const skipped of ['shift', 'skip'] as const) {
  for (const repeated of ['once', 'twice'] as const) {
    test(`with skipped: ${skipped} and repeated: ${repeated} the last due instants are the next ones from behind`, () => {
      eachCase({ skipped, repeated }, (schedule, _zone, _fields, change) => {
        const due = forwards(schedule, change)
        const backwards: EpochMs[] = []
        const start = change - 5 * HOUR - 1
        for (
          let at = schedule.latest(start, change + 5 * HOUR - 1);
          at !== undefined;
          at = schedule.latest(start, at - 1)
        ) {
          backwards.unshift(at)
        }
        assert.deepEqual(backwards, due)
      })
    })
  }
}

function forwards(schedule: Crontab, change: EpochMs): readonly EpochMs[] {
  const found: EpochMs[] = []
  const start = change - 5 * HOUR - 1
  for (let at = schedule.next(start); at !== undefined && at < change + 5 * HOUR; at = schedule.next(at)) {
    found.push(at)
  }
  return found
}

function eachCase(
  options: ClockChangeOptions,
  check: (schedule: Crontab, zone: Zone, fields: (typeof FIELDS)[number], change: EpochMs) => void,
): void {
  for (const name of ZONES) {
    const zone = zones.get(name)
    // Two springs and two autumns.
    for (const change of clockChanges(zone).slice(0, 4)) {
      for (const fields of FIELDS) {
        try {
          check(new Crontab({ ...fields, ...options }, zone), zone, fields, change)
        } catch (error) {
          if (error instanceof Error)
            error.message = `${name}, ${new Date(change).toISOString()}, ${JSON.stringify(fields)}: ${error.message}`
          throw error
        }
      }
    }
  }
}
