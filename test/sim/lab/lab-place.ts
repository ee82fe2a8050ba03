import { AmqpPlace } from '../../../src/testing/sim/amqp-place.js'
import { LeasePlace } from '../../../src/testing/sim/lease-place.js'
import type { Quirks } from '../../../src/testing/sim/quirks.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import type { DiskFolder } from './disk-folder.js'
import { DiskPlace } from './disk-place.js'
import type { Config } from './plan.js'

/** The three models of a broker (reliability §13.4). */
export type LabPlace = LeasePlace | AmqpPlace | DiskPlace

/** `folder`: for the one that needs a disk. */
export function placeOf(config: Config, world: SimWorld, folder: () => DiskFolder, quirks?: Quirks): LabPlace {
  const { profile, leaseMs, renewMs, syncMs, durability } = config
  const random = world.random.split('broker')
  switch (profile) {
    case 'lease-like':
      return new LeasePlace(world, { leaseMs, renewMs, quirks })
    case 'amqp-like':
      return new AmqpPlace({ runtime: world.runtime, random, now: () => world.now, syncMs, quirks })
    case 'log-disk':
      return new DiskPlace(world, { folder: folder(), random, durability, leaseMs, renewMs, quirks })
    default:
      return profile satisfies never
  }
}
