import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** A message has one holder at a time; only the dead and the silent lose theirs (D20–D22). The ledger looks at every verb. */
export const i12: Checker = {
  invariant: 'I12',
  always({ ledger }) {
    const [wrong] = ledger.wrongs
    if (wrong !== undefined) throw new Violation(wrong.invariant, wrong.what, [wrong.id])
  },
}
