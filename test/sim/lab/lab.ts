import type { Ms } from '../../../src/lib/time.js'
import { isFinal } from '../../../src/protocol/states.js'
import { CHECKERS } from '../../../src/testing/sim/checkers/checkers.js'
import { forgiven } from '../../../src/testing/sim/checkers/story.js'
import type { Evidence, Fate, PlannedTask } from '../../../src/testing/sim/evidence.js'
import { Journal } from '../../../src/testing/sim/journal.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { BackendLog, witnessedBackend } from '../../../src/testing/sim/witnessed-backend.js'
import type { Collects } from '../played.js'
import { defineBehaviours, taskOf } from './behaviours.js'
import { calmDown } from './calm.js'
import type { DiskFolder } from './disk-folder.js'
import { Fleet } from './fleet.js'
import { intended } from './intended.js'
import { placeOf } from './lab-place.js'
import type { Call, Plan } from './plan.js'
import { quirksOf } from './quirks-of.js'
import { sendings } from './send.js'
import { Sightings } from './sightings.js'
import { strike } from './strike.js'
import { takeFinal } from './take-final.js'

/** What a run without a violation has to tell. */
export interface LabReport {
  readonly tasks: number
  readonly executions: number
  readonly faults: number
  /** From the end of all faults until everything was at rest. */
  readonly calm: Ms
  readonly sightings: ReadonlyMap<string, number>
}

const WATCHING = CHECKERS.filter(checker => checker.always !== undefined)

/**
 * A plan, played: the storm with its faults, then peace, then every invariant (§13.7). Throws `Violation`. `collects`: hears of the
 * evidence of the run.
 */
export async function lab(
  world: SimWorld,
  plan: Plan,
  folder: () => DiskFolder,
  collects: Collects,
): Promise<LabReport> {
  const { config, calls, faults } = plan
  const sightings = new Sightings()
  const quirks = quirksOf(config, world, sightings)
  const place = placeOf(config, world, folder, quirks)
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
  collects(evidence)
  world.always(() => {
    if (troubles.length > 0) throw troubles[0]
    for (const checker of WATCHING) checker.always?.(evidence)
  })
  const tasks = new Set([taskOf('plain', true), ...calls.flatMap(tasksOf)])
  const longest = Math.min(30_000, 2 * config.leaseMs)
  const child = (id: string, fate: 'attempted' | 'accepted'): void => {
    if (fates.get(id) !== 'accepted') fates.set(id, fate)
  }
  const fleet = new Fleet({
    ...{ world, config, place, journal, sightings, fates, quirks },
    sendings: calls.flatMap(sendings),
    backend: inner => witnessedBackend(inner, backend),
    sent: meta => backend.sent(meta),
    define: (app, process, tools, place) =>
      defineBehaviours(
        { app, process, place, journal, longest, child, ...tools },
        tasks,
        process.name !== 'w1' || config.workers.length === 1,
      ),
  })
  fleet.start()
  for (const fault of faults) world.after(fault.at, () => strike(fault, fleet, place, world))
  for (const { id, revokeAt } of calls) if (revokeAt !== undefined) world.after(revokeAt, () => fleet.revoke(id))
  await world.sleep(config.storm + 5000)
  const calm = await calmDown(fleet, place, plan, world)
  const final = await takeFinal(fleet, evidence, world)
  for (const checker of CHECKERS) checker.atRest?.({ ...evidence, final })
  if (fleet.cluster.spooled > 0) sightings.saw('a spool was written')
  look({ ...evidence, final }, sightings)
  return {
    tasks: journal.executions.length === 0 ? 0 : new Set(journal.executions.map(({ id }) => id)).size,
    executions: journal.executions.length,
    faults: faults.length,
    calm,
    sightings: sightings.counts,
  }
}

/** Parts of a chord behave plainly but for the last; everything that follows is plain and late. */
function tasksOf({ behaviour, late }: Call): readonly string[] {
  return [taskOf(behaviour, late), taskOf('plain', late)]
}

/** What the ledger and the journal tell of situations reached. */
function look(evidence: Evidence, sightings: Sightings): void {
  const { ledger, journal, plan, backend, final } = evidence
  if (final?.dead.some(({ reason }) => reason === 'poison')) sightings.saw('a message became poison')
  if (final?.dead.some(({ reason }) => reason === 'malformed')) sightings.saw('a malformed message was buried')
  if (ledger.rivals > 0) sightings.saw('two sweepers returned the messages of one holder')
  if (ledger.stale > 0) sightings.saw('a verdict after the lease or connection was lost')
  for (const { claims, queue, message, gone } of ledger.messages) {
    if (queue.endsWith('.dead')) {
      if (gone === 'acked') sightings.saw('a dead letter was dropped')
      continue
    }
    if (claims.some(({ end }) => end === 'returned')) sightings.saw('a sweep returned messages of a dead holder')
    if (new Set(claims.map(({ session }) => session)).size > 1)
      sightings.saw('two holders of one message, one after another')
    const back = claims.some(({ end, moved }, i) => moved || (end === 'requeued' && i + 1 < claims.length))
    if (claims.some(({ end, moved }) => moved && end === 'returned'))
      sightings.saw('a crash between the copy of a message and its ack')
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
    if (last?.end !== 'acked' || last.moved || !last.redelivered) continue
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
