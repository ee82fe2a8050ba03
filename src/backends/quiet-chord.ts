import type { Ms } from '../lib/time.js'
import { ResultDecodeError } from '../protocol/errors.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { BackendError } from './errors.js'

/**
 * A chord of which nobody has heard for a while. Either one of its parts takes its time, or whoever was to count a part, or to
 * send the body, is gone (D72). Those alone are found that were opened with a memo.
 */
export interface QuietChord {
  readonly chord: GroupId
  /** As it was given to `setChordSize`: the store's business is to keep it. */
  readonly memo: string
  /** Since it was opened, or since its last part came. */
  readonly quiet: Ms
  readonly count: QuietCount
}

export type QuietCount =
  | {
      readonly kind: 'complete'
      readonly parts: readonly ResultMeta[]
      /** The last part came to a program of other make, which sends the body, and may have done so. */
      readonly foreign: boolean
    }
  /** All parts have come, and cannot be read any more. */
  | { readonly kind: 'unreadable'; readonly error: Error }
  | { readonly kind: 'waiting'; readonly size: number; readonly arrived: readonly TaskId[] }

/** The same with the parts still encoded. */
export interface KeptQuietChord extends Omit<QuietChord, 'count'> {
  readonly count:
    | { readonly kind: 'complete'; readonly parts: readonly Uint8Array[] }
    | Extract<QuietCount, { readonly kind: 'waiting' }>
}

export interface QuietClaim {
  /** Nothing has happened for so long. */
  readonly quiet: Ms
  /** Whoever gets a chord has it to himself for so long. One that waits is told again only when it was quiet for twice as long … */
  readonly hold: Ms
  /** … or after this time. */
  readonly most: Ms
  readonly limit: number
}

/** Parts that cannot be had are no trouble of the store's: other chords are told all the same. */
export async function completeCount(
  parts: () => Promise<readonly ResultMeta[]>,
  foreign: boolean = false,
): Promise<QuietCount> {
  try {
    return { kind: 'complete', parts: await parts(), foreign }
  } catch (error) {
    const isMissing = error instanceof BackendError && error.code === 'LVG_CHORD_PART_MISSING'
    if (isMissing || error instanceof ResultDecodeError) return { kind: 'unreadable', error }
    throw error
  }
}

/** How long a chord is not told again. */
export function holdFor(complete: boolean, quiet: Ms, { hold, most }: QuietClaim): Ms {
  return complete ? hold : Math.min(Math.max(quiet, hold), most)
}
