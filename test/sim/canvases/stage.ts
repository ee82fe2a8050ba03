import type { App } from '../../../src/app/app.js'
import type { TaskContext } from '../../../src/app/task-context.js'
import type { ResultTuple } from '../../../src/protocol/result-meta.js'
import { CHECKERS } from '../../../src/testing/sim/checkers/checkers.js'
import type { Evidence, Fate, PlannedTask } from '../../../src/testing/sim/evidence.js'
import { Journal } from '../../../src/testing/sim/journal.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { BackendLog, witnessedBackend } from '../../../src/testing/sim/witnessed-backend.js'
import { type Build, defineTroupe, type Spec } from '../../canvas/build.js'
import { calmDown } from '../lab/calm.js'
import { Fleet, type ProcessTools } from '../lab/fleet.js'
import { placeOf } from '../lab/lab-place.js'
import { quirksOf } from '../lab/quirks-of.js'
import type { Sending } from '../lab/send.js'
import { Sightings } from '../lab/sightings.js'
import { strike } from '../lab/strike.js'
import { takeFinal } from '../lab/take-final.js'
import type { Collects } from '../played.js'
import { idsIn } from './ids-in.js'
import { judge } from './judge.js'
import { Performances } from './performances.js'
import type { CanvasPlan } from './plan.js'

/** What a canvas that came out as it should has to tell. */
export interface CanvasReport {
  readonly executions: number
  readonly faults: number
  readonly sightings: ReadonlyMap<string, number>
}

/** The id under which the canvas as a whole is sent. */
const CANVAS = 'canvas'

/** Those of the laboratory's invariants that ask nothing of a plan. */
const ENTERING = CHECKERS.filter(({ invariant }) => ['I03', 'I04', 'I05', 'I11'].includes(invariant))
const WATCHING = CHECKERS.filter(({ always }) => always !== undefined)
const RESTING = CHECKERS.filter(({ invariant }) => invariant === 'I13' || invariant === 'I16')

/** One canvas, sent into a storm, then peace, then the comparison with what it means. Throws `Violation`. */
export async function playCanvas(world: SimWorld, plan: CanvasPlan, collects: Collects): Promise<CanvasReport> {
  const { config, faults, tree, named, late, revokes } = plan
  const sightings = new Sightings()
  const quirks = quirksOf(config, world, sightings)
  const place = placeOf(config, world, noDisk, quirks)
  const known = new Map<string, PlannedTask>()
  const troubles: unknown[] = []
  // Thrown in a handler it would become the failure of a task.
  const guarded = (look: () => void): void => {
    try {
      look()
    } catch (error) {
      troubles.push(error)
    }
  }
  const journal = new Journal(
    () => world.now,
    execution =>
      guarded(() => {
        for (const checker of ENTERING) checker.entered?.(execution, evidence)
      }),
  )
  const fates = new Map<string, Fate>([[CANVAS, 'planned']])
  const backend = new BackendLog(() => world.now)
  const evidence: Evidence = {
    profile: config.profile,
    ...{ journal, backend, fates },
    ledger: place.ledger,
    plan: known,
    final: undefined,
  }
  collects(evidence)
  const performances = new Performances(plan, evidence)
  world.always(() => {
    if (troubles.length > 0) throw troubles[0]
    for (const checker of WATCHING) checker.always?.(evidence)
  })

  const expect = (id: string): void => void (known.has(id) || known.set(id, plannedTask(id, plan)))
  const perform = (process: SimProcess, tools: ProcessTools, place: SimProcess) => {
    const { clock, random } = place.runtime
    return (spec: Spec, context: TaskContext, args: readonly unknown[], act: (value: string) => unknown): unknown => {
      expect(context.id)
      const isItem = context.task !== 'act'
      // What a child has been given already it begins: revoking comes too late.
      const revoked = place === process && tools.isRevoked(context.id)
      const execution = isItem ? undefined : journal.enter(context, process, revoked, place)
      const performance = performances.begin(spec.label, context, args, execution)
      guarded(() => performances.mustMakeSense(performance))
      const go = (): unknown => {
        try {
          const value = act(performance.value)
          performance.over = true
          if (execution !== undefined) journal.leave(execution, { kind: 'returned', value })
          tools.ended()
          return value
        } catch (error) {
          performance.over = true
          if (execution !== undefined) journal.leave(execution, { kind: 'threw', what: String(error) })
          throw error
        }
      }
      return !isItem && random.next() < 0.3 ? clock.sleep(random.next() * plan.longest).then(go) : go()
    }
  }

  const builds = new WeakMap<App, Build>()
  let result: ResultTuple | undefined
  let sent = false
  const sending: Sending = {
    id: CANVAS,
    client: 'c1',
    at: 0,
    stubborn: false,
    send: async app => {
      const build = builds.get(app)
      // Another try, by the client's next life, would be another canvas, with ids of its own.
      if (build === undefined || sent) return
      sent = true
      result = (await app.applyCanvas(build(tree, named))).asTuple()
    },
  }
  const fleet = new Fleet({
    ...{ world, config, place, journal, sightings, fates, quirks },
    settings: { taskAcksLate: late },
    sendings: [sending],
    backend: inner => witnessedBackend(inner, backend),
    sent: meta => backend.sent(meta),
    define: (app, process, tools, place) => void builds.set(app, defineTroupe(app, perform(process, tools, place))),
  })
  fleet.start()
  for (const fault of faults) world.after(fault.at, () => strike(fault, fleet, place, world))
  for (const { label, at } of revokes) world.after(at, () => fleet.revoke(label))
  await world.sleep(config.storm + 5000)
  await calmDown(fleet, place, plan, world)
  if (result !== undefined) for (const id of idsIn(result)) expect(id)
  // Those, too, that never began.
  for (const { id } of place.ledger.messages) expect(id)
  const final = await takeFinal(fleet, evidence, world)
  for (const checker of RESTING) checker.atRest?.({ ...evidence, final })
  judge({ plan, performances, sightings, result, evidence: { ...evidence, final } })
  return { executions: performances.all.length, faults: faults.length, sightings: sightings.counts }
}

/** For checkers that ask what a task is like. */
function plannedTask(id: string, { late, config }: CanvasPlan): PlannedTask {
  return {
    ...{ id, late, ends: 'success', kept: true, refusable: true, buried: false },
    maxDeliveries: config.maxDeliveries,
    cause: { kind: 'client' },
    value: () => undefined,
  }
}

function noDisk(): never {
  throw new Error('No canvas is played on a disk.')
}
