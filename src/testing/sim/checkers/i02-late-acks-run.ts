import { isFinal } from '../../../protocol/states.js'
import { type Evidence, type PlannedTask, Violation } from '../evidence.js'
import type { Checker } from './checker.js'
import { faultsOn, forgiven, isDue, lineage } from './story.js'

/** With late acks a task runs to its end at least once, and its state is the one its handler came to. */
export const i02: Checker = {
  invariant: 'I02',
  atRest(evidence) {
    for (const task of evidence.plan.values()) {
      if (!task.kept || task.cause.kind === 'chain-failure') continue
      if (isDue(task, evidence) && !forgiven(task, evidence)) mustBeRight(task, evidence)
    }
  },
}

function mustBeRight(task: PlannedTask, evidence: Evidence): void {
  const meta = evidence.final?.states.get(task.id)
  // What has not ended is I01's affair.
  if (meta === undefined || !isFinal(meta.status)) return
  if (task.refusable && meta.status === 'REVOKED') return
  if (meta.error?.type === 'PoisonTaskError') {
    mustBePoison(task, evidence)
    return
  }
  if (meta.error?.type === 'WorkerShutdown' && mayBeShutDown(task, evidence)) return
  if (meta.error?.type === 'WorkerLostError') {
    mustBeLost(task, evidence)
    return
  }
  const wanted = task.ends === 'success' ? 'SUCCESS' : 'FAILURE'
  if (task.cause.kind === 'chord' && meta.error?.type === 'ChordError') return
  if (task.ends !== 'nothing' && meta.status !== wanted) {
    throw new Violation('I02', `${task.id} should end as ${wanted} and is ${meta.status} (${meta.error?.type})`, [
      task.id,
    ])
  }
  if (task.ends === 'success' && !evidence.journal.of(task.id).some(one => one.end?.kind === 'returned')) {
    throw new Violation('I02', `${task.id} is SUCCESS, and no execution of it returned`, [task.id])
  }
}

/** Early-acked; or one before it in its chain is, of which no state tells that. */
function mayBeShutDown(task: PlannedTask, evidence: Evidence): boolean {
  return lineage(task, evidence).some(one => !one.late && (one === task || !one.kept))
}

/** Early-acked, and it had begun in a child that died; or one before it in its chain. */
function mustBeLost(task: PlannedTask, evidence: Evidence): void {
  const { journal } = evidence
  const lost = lineage(task, evidence).some(
    ({ id, late }) => !late && (journal.doubts.has(id) || journal.of(id).some(execution => execution.lost)),
  )
  if (!lost) throw new Violation('F02', `${task.id} was called lost with its child, and was not`, [task.id])
}

/** Only so many faults make a task poison (D60), or make poison of a task before it in its chain. */
function mustBePoison(task: PlannedTask, evidence: Evidence): void {
  const faults = faultsOn(task, evidence)
  if (faults >= task.maxDeliveries) return
  throw new Violation('I05', `${task.id} was called poison after ${faults} faults`, [task.id])
}
