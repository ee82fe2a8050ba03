import type { EpochMs, Ms } from '../lib/time.js'

/** Runs that are due and cannot be sent. */
export interface LateRuns {
  readonly entries: number
  /** The one that waits longest, and since when it should have been sent. */
  readonly entry: string
  readonly since: EpochMs
}

/** What a beat knows of itself. */
export interface BeatFacts {
  readonly mode: 'starting' | 'running' | 'stopped'
  /** It leads; undefined: it is a spare, or nobody leads. */
  readonly term: number | undefined
  readonly leader: string | undefined
  readonly entries: number
  readonly next: EpochMs | undefined
  /** When it last looked for what is due, or asked for the lead, and how long ago that is by the steady clock. */
  readonly lastTick: EpochMs | undefined
  readonly tickedAgo: Ms
  /** How long the store has not answered it. */
  readonly unheardFor: Ms
  readonly late: LateRuns | undefined
  readonly now: EpochMs
  /** For how long a lead is given. */
  readonly lease: Ms
}

/** What `/livez` and `/readyz` answer. */
export interface BeatHealth {
  /** The process is worth keeping: its ticks go on. */
  readonly live: boolean
  /** It does its work: leads, or would take over; nothing that is due waits. */
  readonly ready: boolean
  /** Why it is not ready. */
  readonly reasons: readonly string[]
  readonly leads: boolean
  readonly term: number | undefined
  /** Who leads, as far as this beat knows. */
  readonly leader: string | undefined
  readonly entries: number
  /** ISO 8601, as `lastTick`. */
  readonly next: string | undefined
  readonly lastTick: string | undefined
}

/** A leader ticks twice a second, a spare once; so long it may be busy otherwise. */
const TICK_PATIENCE: Ms = 10_000
/** Ticks that stay away so long, or two leases, will not come by themselves. */
const TICK_DEADLINE: Ms = 120_000
/** A run that is so late waits for something. */
const LATE: Ms = 10_000

/** Judged by its ticks, never by the process being there (H61). */
export function judgeBeat(facts: BeatFacts): BeatHealth {
  const { mode, tickedAgo, unheardFor, late, lease, now } = facts
  const stands = tickedAgo > Math.max(TICK_DEADLINE, 2 * lease)
  const reasons: string[] = []
  if (mode !== 'running') reasons.push(mode === 'starting' ? 'it is starting' : 'it has stopped')
  if (mode !== 'stopped' && tickedAgo > TICK_PATIENCE) reasons.push(`it has not ticked for ${seconds(tickedAgo)}`)
  if (mode === 'running' && unheardFor > lease) reasons.push(`its store has not answered for ${seconds(unheardFor)}`)
  if (late !== undefined && now - late.since > LATE) {
    const others = late.entries === 1 ? '' : `, and ${late.entries - 1} others wait`
    reasons.push(`entry ${late.entry} cannot be sent, since ${seconds(now - late.since)}${others}`)
  }
  return {
    live: mode !== 'stopped' && !stands,
    ready: reasons.length === 0,
    reasons,
    leads: facts.term !== undefined,
    term: facts.term,
    leader: facts.leader,
    entries: facts.entries,
    next: iso(facts.next),
    lastTick: iso(facts.lastTick),
  }
}

function iso(at: EpochMs | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString()
}

function seconds(ms: Ms): string {
  return `${(ms / 1000).toFixed(1)} s`
}
