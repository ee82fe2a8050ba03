import { fromDeadLetter } from '../../../src/protocol/dead-letter.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import { isFinal } from '../../../src/protocol/states.js'
import { AmqpPlace } from '../../../src/testing/sim/amqp-place.js'
import { CHECKERS } from '../../../src/testing/sim/checkers/checkers.js'
import { forgiven } from '../../../src/testing/sim/checkers/story.js'
import {
  type DeadLetterSeen,
  type Evidence,
  type Fate,
  type Final,
  type PlannedTask,
  Violation,
} from '../../../src/testing/sim/evidence.js'
import { Journal } from '../../../src/testing/sim/journal.js'
import { LeasePlace } from '../../../src/testing/sim/lease-place.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { BackendLog, witnessedBackend } from '../../../src/testing/sim/witnessed-backend.js'
import { Fleet } from './fleet.js'
import { intended } from './intended.js'
import type { Config, Plan } from './plan.js'
import { Sightings } from './sightings.js'
import { strike } from './strike.js'

/** What a run without a violation has to tell. */
export interface LabReport {
  readonly tasks: number
  readonly executions: number
  readonly faults: number
  readonly sightings: ReadonlyMap<string, number>
}

/** After healing, everything must be at rest within so long (I14): the longest hand-back, retry and parking, and more. */
const CALM = 14_400_000
const DAY = 86_400_000

/** A plan, played: the storm with its faults, then peace, then every invariant (§13.7). Throws `Violation`. */
export async function lab(world: SimWorld, plan: Plan): Promise<LabReport> {
  const { config, calls, faults } = plan
  const sightings = new Sightings()
  const place = placeOf(config, world)
  const backend = new BackendLog(() => world.now)
  const planned = calls.flatMap(call => intended(call, config))
  const fates = new Map<string, Fate>(
    planned.filter(({ cause }) => cause.kind === 'client').map(({ id }) => [id, 'planned']),
  )
  const troubles: unknown[] = []
  const journal = new Journal(
    () => world.now,
    execution => {
      try {
        for (const checker of CHECKERS) checker.entered?.(execution, evidence)
      } catch (error) {
        // Thrown here it would become the failure of a task.
        troubles.push(error)
      }
    },
  )
  const evidence: Evidence = {
    profile: config.profile,
    ...{ journal, backend, fates },
    ledger: place.ledger,
    plan: new Map(planned.map(task => [task.id, task])),
    final: undefined,
  }
  world.always(() => {
    if (troubles.length > 0) throw troubles[0]
    for (const checker of CHECKERS) checker.always?.(evidence)
  })
  const fleet = new Fleet({
    ...{ world, config, calls, place, journal, sightings, fates },
    backend: inner => witnessedBackend(inner, backend),
  })
  fleet.start()
  for (const fault of faults) world.after(fault.at, () => strike(fault, fleet, place, world))
  for (const { id, revokeAt } of calls) if (revokeAt !== undefined) world.after(revokeAt, () => fleet.revoke(id))
  await world.sleep(config.storm + 5000)
  await calmDown(fleet, place, plan, world)
  const final = await takeFinal(fleet, evidence, world)
  for (const checker of CHECKERS) checker.atRest?.({ ...evidence, final })
  if (fleet.cluster.spooled > 0) sightings.saw('a spool was written')
  look({ ...evidence, final }, sightings)
  return {
    tasks: journal.executions.length === 0 ? 0 : new Set(journal.executions.map(({ id }) => id)).size,
    executions: journal.executions.length,
    faults: faults.length,
    sightings: sightings.counts,
  }
}

function placeOf({ profile, leaseMs, renewMs, syncMs }: Config, world: SimWorld): LeasePlace | AmqpPlace {
  if (profile === 'lease-like') return new LeasePlace(world, { leaseMs, renewMs })
  const { runtime } = world
  return new AmqpPlace({ runtime, random: world.random.split('broker'), now: () => world.now, syncMs })
}

async function calmDown(fleet: Fleet, place: LeasePlace | AmqpPlace, { faults }: Plan, world: SimWorld): Promise<void> {
  if (place instanceof AmqpPlace) {
    place.block(false)
    place.reject(0)
  }
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
  await atRest(fleet, place, world)
  // What was spooled is done at the next start.
  for (const name of fleet.workers.keys()) await fleet.stop(name, 'warm')
  await world.sleep(10_000)
  await atRest(fleet, place, world)
}

async function atRest(fleet: Fleet, { ledger }: LeasePlace | AmqpPlace, world: SimWorld): Promise<void> {
  const connection = await fleet.cluster.observe()
  const until = world.now + CALM
  for (let wait = 500; ; wait = Math.min(wait * 1.5, 10_000)) {
    const quiet = await fleet.cluster.isQuiet(connection)
    const busy = [...fleet.workers.values()].filter(({ worker, process }) => process.alive && worker.busy > 0)
    const down = [...fleet.workers.values()].filter(({ process }) => !process.alive)
    if (quiet && busy.length === 0 && down.length === 0 && fleet.open === 0) break
    if (world.now > until) {
      const left = ledger.messages.filter(({ gone, queue }) => gone === 'no' && !queue.endsWith('.dead'))
      const ids = [...new Set(left.map(({ id }) => id))]
      const who = busy.map(({ process }) => process.name).join(', ')
      const what = `unacked: ${ids.join(', ')}; busy: ${who}; unsent: ${fleet.open}`
      throw new Violation('I14', `not at rest ${CALM} ms after healing; ${what}`, ids)
    }
    await world.sleep(wait)
  }
  await connection[Symbol.asyncDispose]()
}

/** Ends everything, then looks at what is left. */
async function takeFinal(fleet: Fleet, evidence: Evidence, world: SimWorld): Promise<Final> {
  fleet.retire()
  for (const node of fleet.nodes()) {
    const { app } = node
    if ('worker' in node) await fleet.workers.get(node.process.name)?.worker.stop('warm')
    await app[Symbol.asyncDispose]()
  }
  // Farewells travel, and what was to be healed later is.
  await world.sleep(600_000)
  const restless = world.pending === 0 ? [] : [`${world.pending} timers are left when all is over`]
  const states = new Map<string, ResultMeta>()
  for (const id of evidence.plan.keys()) {
    const meta = await fleet.cluster.result(id)
    if (meta !== undefined) states.set(id, meta)
  }
  return { states, dead: await deadLetters(fleet, evidence), restless }
}

async function deadLetters(fleet: Fleet, { ledger }: Evidence): Promise<readonly DeadLetterSeen[]> {
  const seen: DeadLetterSeen[] = []
  const queues = new Set(ledger.messages.map(({ queue }) => queue).filter(queue => queue.endsWith('.dead')))
  for (const queue of queues) {
    for (const { message } of await fleet.cluster.contents(queue)) {
      const letter = fromDeadLetter(message)
      const id = String(message.headers['id'])
      const sameBytes = ledger
        .of(id)
        .some(one => one.queue !== queue && Buffer.compare(one.message.body, message.body) === 0)
      seen.push({ id, reason: String(letter?.record.reason), sameBytes })
    }
  }
  return seen
}

/** What the ledger and the journal tell of situations reached. */
function look(evidence: Evidence, sightings: Sightings): void {
  const { ledger, journal, plan, backend, final } = evidence
  if (final?.dead.some(({ reason }) => reason === 'poison')) sightings.saw('a message became poison')
  if (ledger.stale > 0) sightings.saw('a verdict after the lease or connection was lost')
  for (const { claims, queue, message } of ledger.messages) {
    if (queue.endsWith('.dead')) continue
    if (claims.some(({ end }) => end === 'returned')) sightings.saw('a sweep returned messages of a dead holder')
    if (new Set(claims.map(({ session }) => session)).size > 1)
      sightings.saw('two holders of one message, one after another')
    const back = claims.some(({ end }, i) => end === 'requeued' && i + 1 < claims.length)
    if (back && message.headers['eta'] != null) sightings.saw('a delayed message was parked and woke')
    if (back && String(message.headers['task']).startsWith('rare')) sightings.saw('an unknown task was handed back')
  }
  for (const task of plan.values()) {
    if (forgiven(task, evidence) && journal.of(task.id).some(({ told }) => !told)) {
      sightings.saw('an early-acked task was lost with its worker')
    }
    if (backend.of(task.id).some(({ answer }) => answer === 'refused')) sightings.saw('a store was refused')
    lookAtReplay(task, evidence, sightings)
  }
}

/** An ack of a message whose attempt had ended before it was claimed, by a worker that did not run it. */
function lookAtReplay({ id }: PlannedTask, { ledger, journal, backend }: Evidence, sightings: Sightings): void {
  for (const { retries, claims } of ledger.of(id)) {
    const last = claims.at(-1)
    if (last?.end !== 'acked' || !last.redelivered) continue
    const stored = backend.of(id).findLast(({ answer, at }) => answer === 'stored' && at < last.at)?.meta
    if (stored === undefined) continue
    const runs = journal.attempt(id, retries)
    const adopted = runs.some(({ process, at, endedAt = Number.POSITIVE_INFINITY }) => {
      return process === last.session.process && at < last.at && endedAt > last.at
    })
    if (adopted) sightings.saw('a running task adopted its redelivery')
    else if (stored.status === 'RETRY' && stored.intent !== undefined) sightings.saw('a retry intent was replayed')
    else if (isFinal(stored.status)) {
      sightings.saw('a stored end was replayed')
      const { endedAt } = last
      const completed = [...backend.chords.values()].some(
        ({ completeAt, parts }) =>
          parts.has(id) && completeAt !== undefined && completeAt > last.at && completeAt <= (endedAt ?? 0),
      )
      if (completed) sightings.saw('a chord completed by a replay')
    }
  }
}
