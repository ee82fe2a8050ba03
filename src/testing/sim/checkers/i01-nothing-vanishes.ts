import { type Evidence, type PlannedTask, Violation } from '../evidence.js'
import type { Checker } from './checker.js'
import { cameTwice, forgiven, isDue, isTerminal, stateOf } from './story.js'

/** Every accepted id is terminal, dead-lettered, or (early ack) was lost with the worker that had begun it. */
export const i01: Checker = {
  invariant: 'I01',
  atRest(evidence) {
    for (const task of evidence.plan.values()) {
      if (isDue(task, evidence) && !forgiven(task, evidence)) mustHaveEnded(task, evidence)
    }
  },
}

function mustHaveEnded(task: PlannedTask, evidence: Evidence): void {
  const { final, journal } = evidence
  const buried = final?.dead.some(letter => letter.id === task.id) ?? false
  if (task.kept && task.ends !== 'nothing') {
    // Known: of two messages with one attempt, one may be acked for the other's STARTED, whose worker then dies.
    if (stateOf(task, evidence) === 'STARTED' && cameTwice(task, evidence)) return
    if (!isTerminal(task, evidence) && !buried) vanished(task, `is ${stateOf(task, evidence) ?? 'PENDING'}`)
    return
  }
  if (task.refusable || buried || task.cause.kind === 'chain-failure') return
  if (journal.of(task.id).length === 0) vanished(task, 'never ran')
}

function vanished(task: PlannedTask, how: string): never {
  const from = task.cause.kind === 'client' ? 'was accepted' : `is due (${task.cause.kind})`
  const related = 'of' in task.cause ? [task.id, task.cause.of] : [task.id]
  throw new Violation('I01', `${task.id} ${from} and ${how}`, related)
}
