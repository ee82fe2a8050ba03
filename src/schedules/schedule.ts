import type { EpochMs } from '../lib/time.js'

/** When something is due. Pure: whoever asks says what was last. */
export interface Schedule {
  /** The first due instant after `last`, which lies in the past when one was missed; undefined when none will ever come. */
  next(last: EpochMs): EpochMs | undefined
  /** The last due instant after `last` that is not after `now`; undefined when there is none. */
  latest(last: EpochMs, now: EpochMs): EpochMs | undefined
}
