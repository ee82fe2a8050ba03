import type { EpochMs, Ms } from '../lib/time.js'
import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import type { Schedule } from '../schedules/schedule.js'
import type { Entry, EntryState } from './entry.js'

/** What is to be done about an entry now. */
export type Decision =
  /** Look again then. */
  | { readonly kind: 'wait'; readonly until: EpochMs }
  /** Nothing will ever come, unless the entry is changed. */
  | { readonly kind: 'over'; readonly why: string }
  /** Send the run of this due time. */
  | { readonly kind: 'send'; readonly instant: EpochMs }
  /** These due times are too old to be made up: remember the last of them as dealt with. */
  | { readonly kind: 'miss'; readonly instant: EpochMs; readonly why: string }

/** Due times younger than this are late, not missed: a change of leader takes less, and skips none of them (D92). */
export const MISFIRE_GRACE: Ms = 60_000

/**
 * Pure. Every due time is dealt with once, in order: sent, or missed. The task's id follows from entry and due time
 * (`runId`), so whoever decides the same again sends the same again (D91).
 */
export function decide(entry: Entry, schedule: Schedule, state: EntryState, now: EpochMs): Decision {
  const over = overFor(entry, state)
  if (over !== undefined) return { kind: 'over', why: over }
  const first = firstAfter(entry, schedule, state.last)
  if (first === undefined) return { kind: 'over', why: 'no due time is left' }
  if (isPastEnd(entry, first)) return { kind: 'over', why: `it ended at ${iso(entry.end)}` }
  if (first + jitterOf(entry, first) > now) return { kind: 'wait', until: first + jitterOf(entry, first) }
  const late = entry.misfire === 'all' || now - first <= MISFIRE_GRACE + jitterOf(entry, first)
  const instant = late ? first : latestOf(entry, schedule, first, now)
  const patience = entry.misfire === 'none' ? Math.min(entry.deadline ?? MISFIRE_GRACE, MISFIRE_GRACE) : entry.deadline
  if (patience !== undefined && now - instant > patience + jitterOf(entry, instant)) {
    return { kind: 'miss', instant, why: `it was due at ${iso(instant)}, more than ${patience / 1000} s ago` }
  }
  return { kind: 'send', instant }
}

function firstAfter({ start, dueAtStart }: Entry, schedule: Schedule, last: EpochMs): EpochMs | undefined {
  if (start === undefined || last >= start) return schedule.next(last)
  if (dueAtStart !== true) return schedule.next(start - 1)
  const next = schedule.next(last)
  return next === undefined ? undefined : Math.max(next, start)
}

/** Id of the task that is the run of this due time. */
export function runId(entry: Pick<Entry, 'name'>, instant: EpochMs): string {
  return uuid5(LOVAGE_NAMESPACE, `beat\n${entry.name}\n${instant}`)
}

/** How much later than due it is sent: the same for whoever asks. */
export function jitterOf({ name, jitter }: Entry, instant: EpochMs): Ms {
  if (jitter <= 0) return 0
  const part = Number.parseInt(uuid5(LOVAGE_NAMESPACE, `jitter\n${name}\n${instant}`).slice(0, 8), 16) / 2 ** 32
  return Math.floor(part * jitter)
}

function overFor(entry: Entry, state: EntryState): string | undefined {
  if (!entry.enabled) return 'it is disabled'
  if (state.disabled !== undefined) return state.disabled
  if (entry.maxRuns !== undefined && state.runs >= entry.maxRuns) return `it ran ${state.runs} times`
  return undefined
}

/** Of several that were missed the last one stands for all; its jitter may keep it for later. */
function latestOf(entry: Entry, schedule: Schedule, first: EpochMs, now: EpochMs): EpochMs {
  const until = entry.end === undefined ? now : Math.min(now, entry.end)
  const latest = schedule.latest(first, until)
  return latest === undefined || latest + jitterOf(entry, latest) > now ? first : latest
}

function isPastEnd({ end }: Entry, instant: EpochMs): boolean {
  return end !== undefined && instant > end
}

function iso(instant: EpochMs | undefined): string {
  return instant === undefined ? 'never' : new Date(instant).toISOString()
}
