import type { EpochMs, Ms } from '../lib/time.js'
import type { ScheduleSpec } from '../schedules/schedule-spec.js'

/** What happens at a due time while the run before has not ended. `cancel` ends that run, `queue` waits for its end. */
export type Overlap = 'allow' | 'skip' | 'queue' | 'cancel'

/** Which of the due times that were missed, because no beat ran, are made up. */
export type Misfire = 'none' | 'one' | 'all'

/** What is sent, and when. All of it is data: it can be stored, sent and compared. */
export interface Entry {
  readonly name: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  /** How it is sent: `CallOptions` by name, those that are data. */
  readonly options: Readonly<Record<string, unknown>>
  readonly schedule: ScheduleSpec
  readonly enabled: boolean
  /** Due times before `start` and after `end` do not count. */
  readonly start?: EpochMs | undefined
  readonly end?: EpochMs | undefined
  /** No more after so many runs. */
  readonly maxRuns?: number | undefined
  /** Each run is sent up to so much later than it is due, by chance, but by all beats alike. */
  readonly jitter: Ms
  readonly overlap: Overlap
  readonly misfire: Misfire
  /** A due time that is older than this is not made up any more. */
  readonly deadline?: Ms | undefined
  /** After so many failed runs in a row no more is sent until it is resumed. */
  readonly failureThreshold?: number | undefined
  /** `start` itself is a due time, where one before it would be. So mean it the tables of django-celery-beat. */
  readonly dueAtStart?: boolean | undefined
  /** When it was put into the store; due times after this count, although no beat has seen it yet. */
  readonly createdAt?: EpochMs | undefined
}

/** What the leader remembers of an entry. */
export interface EntryState {
  /** The due time that was dealt with last, or when the entry was first seen. */
  readonly last: EpochMs
  readonly runs: number
  /** Failed runs since the last good one. */
  readonly failures: number
  /** Runs whose end is not known yet, as `BeatParts.send` names them, the newest last. Kept for entries that ask for it. */
  readonly open: readonly string[]
  readonly lastId?: string | undefined
  readonly sentAt?: EpochMs | undefined
  /** Why no more is sent. */
  readonly disabled?: string | undefined
  /** What was wrong with the last run that could not be sent. */
  readonly error?: string | undefined
}

export function newState(last: EpochMs): EntryState {
  return { last, runs: 0, failures: 0, open: [] }
}
