import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** Only what was to be published runs, and nothing that was certainly not sent. */
export const i06: Checker = {
  invariant: 'I06',
  entered({ id }, { plan, fates, journal }) {
    const task = plan.get(id)
    if (task === undefined) throw new Violation('I06', `${id} runs and was never meant to be`, [id])
    const { cause } = task
    if (cause.kind === 'client' && fates.get(id) === 'planned') {
      throw new Violation('I06', `${id} runs before anybody published it`, [id])
    }
    if ('of' in cause && journal.of(cause.of).length === 0 && cause.kind === 'success') {
      throw new Violation('I06', `${id} runs before ${cause.of}, which it follows`, [id, cause.of])
    }
  },
  atRest({ fates, journal }) {
    for (const [id, fate] of fates) {
      if (fate !== 'not-sent' || journal.of(id).length === 0) continue
      throw new Violation('I06', `${id} ran; its publisher was told that it was certainly not sent (D06)`, [id])
    }
  },
}
