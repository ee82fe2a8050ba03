import type { Log } from '../lib/runtime.js'
import type { EpochMs } from '../lib/time.js'
import { type Decision, decide } from './decide.js'
import type { Row } from './row.js'
import { wordsOf } from './words-of.js'

/** Schedules are checked, but it is user input that computes here: what throws is left out, which is undefined (D93). */
export function decideRow(name: string, { entry, schedule, state }: Row, now: EpochMs, log: Log): Decision | undefined {
  try {
    return decide(entry, schedule, state, now)
  } catch (error) {
    log.error(`Schedule entry ${name} cannot tell when it is due: ${wordsOf(error)}`)
    return undefined
  }
}
