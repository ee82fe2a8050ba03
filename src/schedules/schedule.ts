import type { EpochMs } from '../lib/time.js'

/** When something is due. Pure: whoever asks says what was last, and what time it is. */
export interface Schedule {
  /**
   * The first due instant after `last`, which lies in the past when one was missed; undefined when none will ever come.
   * `now` matters to crontabs alone: as in Celery, of the rest of an hour of an earlier day nothing is made up. With
   * `now = last` instants follow each other without gaps.
   */
  next(last: EpochMs, now: EpochMs): EpochMs | undefined
  /** The last due instant after `last` that is not after `now`; undefined when there is none. */
  latest(last: EpochMs, now: EpochMs): EpochMs | undefined
}
