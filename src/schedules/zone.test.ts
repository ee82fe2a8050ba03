import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochMs } from '../lib/time.js'
import { ScheduleError } from './errors.js'
import { Zone } from './zone.js'
import { Zones } from './zones.js'

const HOUR = 3_600_000
const zones = new Zones()
const berlin = zones.get('Europe/Berlin')
const SPRING = Date.UTC(2024, 2, 31, 1)
const AUTUMN = Date.UTC(2024, 9, 27, 1)

test('a zone shows its time before and after its clocks are changed, to the millisecond', () => {
  assert.equal(berlin.wall(SPRING - 1), Date.UTC(2024, 2, 31, 2) - 1)
  assert.equal(berlin.wall(SPRING), Date.UTC(2024, 2, 31, 3))
  assert.equal(berlin.wall(AUTUMN - 1), Date.UTC(2024, 9, 27, 3) - 1)
  assert.equal(berlin.wall(AUTUMN), Date.UTC(2024, 9, 27, 2))
})

test('a time that clocks skip lies as much after the change as on the old clock', () => {
  const wall = Date.UTC(2024, 2, 31, 2, 30)
  assert.deepEqual(berlin.place(wall), { kind: 'skipped', shifted: SPRING + HOUR / 2, change: SPRING })
  assert.equal(berlin.instant(wall), SPRING + HOUR / 2)
})

test('a time that clocks show twice has both its instants, and the first counts', () => {
  const wall = Date.UTC(2024, 9, 27, 2, 30)
  const [first, second] = [AUTUMN - HOUR / 2, AUTUMN + HOUR / 2]
  assert.deepEqual(berlin.place(wall), { kind: 'repeated', first, second, change: AUTUMN })
  assert.equal(berlin.instant(wall), first)
})

test('the edges of a skipped and of a repeated hour are plain times', () => {
  for (const wall of [
    Date.UTC(2024, 2, 31, 2) - 1,
    Date.UTC(2024, 2, 31, 3),
    Date.UTC(2024, 9, 27, 2) - 1,
    Date.UTC(2024, 9, 27, 3),
  ]) {
    const place = berlin.place(wall)
    assert.equal(place.kind, 'plain')
    assert.equal(berlin.wall(berlin.instant(wall)), wall)
  }
})

test('a whole day can be skipped', () => {
  const apia = zones.get('Pacific/Apia')
  assert.equal(apia.place(Date.UTC(2011, 11, 30, 12)).kind, 'skipped')
  assert.equal(apia.place(Date.UTC(2011, 11, 29, 23)).kind, 'plain')
  assert.equal(apia.place(Date.UTC(2011, 11, 31, 0)).kind, 'plain')
})

test('a zone is measured a few times a day, however often it is asked', () => {
  const measured: EpochMs[] = []
  const zone = new Zone('counted', instant => {
    measured.push(instant)
    return HOUR
  })
  for (let minute = 0; minute < 1440; minute++) zone.instant(zone.wall(Date.UTC(2026, 0, 1) + minute * 60_000))
  assert.ok(measured.length <= 8, `${measured.length} times`)
})

test('zones are opened once, whatever the case of UTC', () => {
  assert.equal(zones.get('Europe/Berlin'), berlin)
  assert.equal(zones.get('utc'), zones.utc)
})

test('a zone that does not exist is refused with the nearest that does', () => {
  assert.throws(
    () => zones.get('Europe/Berlinn', 'crontab.zone'),
    error =>
      error instanceof ScheduleError &&
      error.code === 'LVG_UNKNOWN_ZONE' &&
      error.message === 'crontab.zone: there is no time zone "Europe/Berlinn"; did you mean Europe/Berlin?',
  )
  assert.throws(() => zones.get('nowhere at all'), /use a name such as Europe\/Berlin, or UTC/)
  assert.throws(() => zones.get(''), /there is no time zone ""/)
})
