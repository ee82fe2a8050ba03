import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/**
 * Nothing starts before its eta or after its expiry by the clock of its worker, or after that worker heard of a revoke.
 * Where somebody set that clock meanwhile, it decides nothing.
 */
export const i11: Checker = {
  invariant: 'I11',
  entered({ id, eta, expires, wall, process, revoked }) {
    if (revoked) throw new Violation('I11', `${id} starts although '${process.name}' knows that it is revoked`, [id])
    if (process.stepped) return
    // A late look by one tick of the clock's resolution is no look at all.
    if (eta !== undefined && wall < Math.floor(eta)) {
      throw new Violation('I11', `${id} starts ${eta - wall} ms before its eta`, [id])
    }
    if (expires !== undefined && wall > expires) {
      throw new Violation('I11', `${id} starts ${wall - expires} ms after it expired`, [id])
    }
  },
}
