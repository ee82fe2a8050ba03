import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** When all is over nothing is ready, held, delayed, running, spooled, connected or about to ring. */
export const i13: Checker = {
  invariant: 'I13',
  atRest({ final }) {
    const [restless] = final?.restless ?? []
    if (restless !== undefined) throw new Violation('I13', restless, [])
  },
}
