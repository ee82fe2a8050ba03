import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EpochMs } from '../../src/lib/time.js'
import { Zones } from '../../src/schedules/zones.js'
import { FuzzRandom } from '../fuzz/random.js'

/* What a zone remembers by days, against Node's own tables at each instant; every zone they have. */

const zones = new Zones()

test('every zone shows the time of its table, and finds the instant of what it shows', () => {
  const random = new FuzzRandom('zones', 1, 0)
  const kinds = new Set<string>()
  const names = Intl.supportedValuesOf('timeZone')
  for (const name of names) {
    const zone = zones.get(name)
    const table = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' })
    for (const instant of instants(random)) {
      const wall = zone.wall(instant)
      assert.equal(
        table.format(instant),
        new Date(wall).toISOString().slice(0, 19).replace('T', ' '),
        `${name} at ${instant}`,
      )
      const place = zone.place(wall)
      kinds.add(place.kind)
      assert.notEqual(place.kind, 'skipped', `${name} shows ${wall} at ${instant}`)
      if (place.kind === 'plain') assert.equal(place.instant, instant, `${name} at ${instant}`)
      if (place.kind === 'repeated') assert.ok([place.first, place.second].includes(instant), `${name} at ${instant}`)
    }
  }
  assert.ok(names.length > 300)
  assert.deepEqual([...kinds].sort(), ['plain', 'repeated'])
})

/** Whole seconds; some on the autumn nights of the last decades, when many set their clocks back. */
function instants(random: FuzzRandom): readonly EpochMs[] {
  const anywhere = Array.from({ length: 12 }, () => random.below(68 * 365 * 86_400) * 1000)
  const autumns = Array.from({ length: 8 }, () => {
    const sunday = 25 + random.below(7)
    return Date.UTC(1990 + random.below(40), 9, sunday) + random.below(26 * 3600) * 1000
  })
  return [...anywhere, ...autumns]
}
