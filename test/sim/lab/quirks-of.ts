import { Quirks } from '../../../src/testing/sim/quirks.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import type { Config } from './plan.js'
import type { Sightings } from './sightings.js'

/** The quirks of a run, if it has any; each that happens is seen, and stands in the trace. */
export function quirksOf({ quirks }: Config, world: SimWorld, sightings: Sightings): Quirks | undefined {
  if (quirks.length === 0) return undefined
  return new Quirks(quirks, world.random.split('quirks'), quirk => {
    sightings.saw(`quirk ${quirk}`)
    world.quirk(quirk)
  })
}
