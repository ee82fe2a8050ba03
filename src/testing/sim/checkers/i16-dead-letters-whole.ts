import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'
import { faultsOn, isLost } from './story.js'

/** A dead letter has the bytes that were published; what is to be buried is, and nothing else. */
export const i16: Checker = {
  invariant: 'I16',
  atRest(evidence) {
    const { final, plan, journal } = evidence
    for (const letter of final?.dead ?? []) {
      if (!letter.sameBytes) throw new Violation('I16', `the dead letter ${letter.id} was changed`, [letter.id])
      const task = plan.get(letter.id)
      const poisoned = task !== undefined && faultsOn(task, evidence) >= task.maxDeliveries
      if (task?.buried !== true && !poisoned) {
        throw new Violation('I16', `${letter.id} is a dead letter (${letter.reason}) for no reason`, [letter.id])
      }
    }
    for (const task of plan.values()) {
      if (!task.buried || !task.late || task.refusable || task.ends === 'poison' || isLost(task, evidence)) continue
      const ended = journal.of(task.id).some(({ end }) => end !== undefined)
      if (!ended || (final?.dead.some(letter => letter.id === task.id) ?? false)) continue
      throw new Violation('I16', `${task.id} was to be a dead letter and is none`, [task.id])
    }
  },
}
