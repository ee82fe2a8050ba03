import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** True time per time of a worker's clock, at the most. */
const SLOWEST = 1.02

/**
 * Nothing starts before its eta or after its expiry by the clock of its worker, or after that worker heard of a revoke.
 * Where somebody set that clock meanwhile, it decides nothing; nor can a worker know that the child which it hands a task to
 * stands still.
 */
export const i11: Checker = {
  invariant: 'I11',
  entered({ id, at, eta, expires, wall, process, place, revoked }) {
    if (revoked) throw new Violation('I11', `${id} starts although '${process.name}' knows that it is revoked`, [id])
    if (process.stepped) return
    // A late look by one tick of the clock's resolution is no look at all.
    if (eta !== undefined && wall < Math.floor(eta)) {
      throw new Violation('I11', `${id} starts ${eta - wall} ms before its eta`, [id])
    }
    if (expires === undefined || wall <= expires) return
    const stoodStill = place !== process && place.silentSince(at - SLOWEST * (wall - expires))
    if (!stoodStill) {
      throw new Violation('I11', `${id} starts ${wall - expires} ms after it expired`, [id])
    }
  },
}
