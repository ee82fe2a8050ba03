import type { Connection } from '../../../src/brokers/broker.js'
import type { Ms } from '../../../src/lib/time.js'
import type { QueueName } from '../../../src/protocol/ids.js'
import { AmqpPlace } from '../../../src/testing/sim/amqp-place.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { DiskPlace } from './disk-place.js'
import type { Fleet } from './fleet.js'
import type { LabPlace } from './lab-place.js'
import type { Plan } from './plan.js'

/** As much of a plan as its end needs. */
export interface Weather extends Pick<Plan, 'config' | 'faults'> {
  readonly calls?: Plan['calls']
}

/** After healing, everything must be at rest within so long (I14): twice the longest hand-back, retry or parking. */
const CALM: Ms = 1_800_000
/** Where the date was set wrong, what was parked by it waits as long as that was wrong. */
const CALM_AFTER_STEPS: Ms = 14_400_000
const DAY: Ms = 86_400_000
/** So often must it be enough to stop all workers and start them again. */
const LIVES = 5

/**
 * The end of all faults, and what must come of it (I14): every worker consumes again, everything is worked off, and what
 * workers could not tell is told when they start again. Resolves, when all of them are stopped, to how long it took to come
 * to rest.
 */
export async function calmDown(fleet: Fleet, place: LabPlace, plan: Weather, world: SimWorld): Promise<Ms> {
  heal(fleet, place, plan)
  const began = world.now
  let calm: Ms | undefined
  for (let lives = 1; ; lives++) {
    await atRest(fleet, place, plan, world)
    calm ??= world.now - began
    // A worker that was stopped has told all it could, and that may be work for another.
    await fleet.retire()
    const connection = await fleet.cluster.observe()
    const quiet = await fleet.cluster.isQuiet(connection)
    await connection[Symbol.asyncDispose]()
    if (quiet && fleet.spooling === 0) return calm
    if (lives > LIVES) throw new Violation('I14', `workers that were stopped ${lives} times still leave something`, [])
    fleet.revive()
    await world.sleep(10_000)
  }
}

function heal(fleet: Fleet, place: LabPlace, { faults }: Weather): void {
  if (place instanceof AmqpPlace) {
    place.block(false)
    place.reject(0)
  }
  if (place instanceof DiskPlace) place.disk('well')
  fleet.spare()
  for (const { process, broker, backend } of fleet.nodes()) {
    process.thaw()
    process.setClockRight()
    for (const link of [broker, backend]) {
      link.disarm()
      link.slow(1)
      link.heal()
    }
  }
  const steps = faults.filter(({ kind }) => kind === 'step').length
  if (steps > 0) fleet.moveDate((steps + 1) * DAY)
}

async function atRest(fleet: Fleet, place: LabPlace, plan: Weather, world: SimWorld): Promise<void> {
  const connection = await fleet.cluster.observe()
  const { leaseMs, restart, maxDeliveries } = plan.config
  // A task that kills its worker takes a lease and a new worker each time, until it is poison; others wait until it is.
  const killers = plan.calls?.filter(({ behaviour }) => behaviour === 'poison').length ?? 0
  const poison = Math.max(killers, 1) * maxDeliveries * (leaseMs + restart)
  const bound = poison + (plan.faults.some(({ kind }) => kind === 'step') ? CALM_AFTER_STEPS : CALM)
  const until = world.now + bound
  for (let wait = 500; ; wait = Math.min(wait * 1.5, 10_000)) {
    await fleet.makeRoom(connection)
    const trouble = await unrest(fleet, plan, connection)
    if (trouble === undefined) break
    if (world.now > until) {
      const left = place.ledger.messages.filter(({ gone, queue }) => gone === 'no' && !queue.endsWith('.dead'))
      const ids = [...new Set(left.map(({ id }) => id))]
      throw new Violation('I14', `not at rest ${bound} ms after healing: ${trouble}; unacked: ${ids.join(', ')}`, ids)
    }
    await world.sleep(wait)
  }
  await connection[Symbol.asyncDispose]()
}

/** What there still is to wait for. */
async function unrest(fleet: Fleet, { config }: Weather, connection: Connection): Promise<string | undefined> {
  const workers = [...fleet.workers.values()]
  const down = workers.filter(({ process }) => !process.alive)
  if (down.length > 0) return `${down.map(({ process }) => process.name).join(', ')} is down`
  const busy = workers.filter(({ worker }) => worker.busy > 0)
  if (busy.length > 0) return `${busy.map(({ process }) => process.name).join(', ')} is busy`
  if (fleet.open > 0) return `${fleet.open} calls are not sent`
  if (!(await fleet.cluster.isQuiet(connection))) return 'messages are left'
  for (const queue of config.queues) {
    const { consumers } = await connection.stats(queue as QueueName)
    if ((consumers ?? 0) < workers.length) return `${consumers ?? 0} of ${workers.length} workers consume from ${queue}`
  }
  return undefined
}
