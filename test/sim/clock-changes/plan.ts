import type { EpochMs, Ms } from '../../../src/lib/time.js'
import { SimRandom } from '../../../src/testing/sim/sim-random.js'
import { dueTimes } from './due-times.js'
import { HOUR, MINUTE } from './wall-clock.js'

/* What a seed means, as data: a night on which clocks are changed, the entries of that night, and what befalls the beats in it. */

export interface ClockPlan {
  readonly seed: string
  readonly night: Night
  /** When the beats start, and how long due times count. */
  readonly from: EpochMs
  readonly until: EpochMs
  readonly beats: number
  readonly entries: readonly PlannedEntry[]
  /** In order; each is over, and its leader replaced, before the next one. */
  readonly troubles: readonly Trouble[]
}

export interface Night {
  readonly zone: string
  /** The first instant of the new offset. */
  readonly change: EpochMs
  /** The hour of the clock that is skipped or repeated, in whole or in part. */
  readonly hour: number
}

export interface PlannedEntry {
  readonly name: string
  readonly zone: string
  readonly misfire: 'one' | 'all'
  readonly rule: IntervalRule | ClockRule
}

export interface IntervalRule {
  readonly kind: 'interval'
  readonly every: Ms
}

export interface ClockRule {
  /** How it is written down: as Celery's crontab, a cron string, or an hour that is counted on the clock. */
  readonly kind: 'crontab' | 'cron' | 'relative'
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  /** Sunday = 0; absent = every day. */
  readonly weekday?: number
  readonly skipped: 'shift' | 'skip'
  readonly repeated: 'once' | 'twice'
}

export type Trouble =
  | { readonly kind: 'kill' | 'stop' | 'reset'; readonly at: EpochMs }
  /** The leader stands still, or loses its store. */
  | { readonly kind: 'freeze' | 'cut' | 'blackhole'; readonly at: EpochMs; readonly span: Ms }
  /** The leader's clock goes wrong, by seconds or by the hour that somebody takes for the change, and is set right. */
  | { readonly kind: 'step'; readonly at: EpochMs; readonly span: Ms; readonly by: Ms }
  /** No beat runs. */
  | { readonly kind: 'outage'; readonly at: EpochMs; readonly span: Ms }

/** The changes of 2026: an hour and half an hour, by night and at midnight, where one falls back into yesterday. */
const NIGHTS: readonly [Night, ...Night[]] = [
  { zone: 'Europe/Berlin', change: Date.UTC(2026, 2, 29, 1), hour: 2 },
  { zone: 'Europe/Berlin', change: Date.UTC(2026, 9, 25, 1), hour: 2 },
  { zone: 'America/New_York', change: Date.UTC(2026, 2, 8, 7), hour: 2 },
  { zone: 'America/New_York', change: Date.UTC(2026, 10, 1, 6), hour: 1 },
  { zone: 'Australia/Lord_Howe', change: Date.UTC(2026, 9, 3, 15, 30), hour: 2 },
  { zone: 'Australia/Lord_Howe', change: Date.UTC(2026, 3, 4, 15), hour: 1 },
  { zone: 'America/Santiago', change: Date.UTC(2026, 8, 6, 4), hour: 0 },
  { zone: 'America/Santiago', change: Date.UTC(2026, 3, 5, 3), hour: 23 },
]

/** Where nothing is changed that night. */
const OTHERS = ['Asia/Kathmandu', 'Asia/Tokyo', 'UTC', 'America/Phoenix'] as const

/** Two troubles are never closer: a take-over after the first one is over by then. */
export const APART: Ms = 100_000

export function drawClockPlan(seed: number | string): ClockPlan {
  const random = new SimRandom(`${seed}/clock changes`)
  const night = nightOf(Number(seed))
  // Nothing is due while the beats start: what they count from is read then.
  const from = night.change - random.int(5, 30) * MINUTE + random.int(1000, 55_000)
  const until = night.change + random.int(61 * MINUTE, 90 * MINUTE)
  const entries = Array.from({ length: random.int(2, 5) }, (_, i) => drawEntry(`entry${i}`, night, random))
  const troubles = drawTroubles({ night, from, until, entries }, random.split('troubles'))
  return { seed: String(seed), night, from, until, beats: random.pick([2, 2, 3]), entries, troubles }
}

/** One after another: every eight seeds have all. */
function nightOf(seed: number): Night {
  const [first] = NIGHTS
  return NIGHTS[seed % NIGHTS.length] ?? first
}

function drawEntry(name: string, night: Night, random: SimRandom): PlannedEntry {
  const zone = random.chance(0.75) ? night.zone : random.pick(OTHERS)
  return { name, zone, misfire: random.pick(['one', 'one', 'all'] as const), rule: drawRule(night, random) }
}

function drawRule(night: Night, random: SimRandom): IntervalRule | ClockRule {
  const kind = random.pick(['crontab', 'crontab', 'crontab', 'cron', 'cron', 'relative', 'interval'] as const)
  if (kind === 'interval') return { kind, every: random.int(120, 1500) * 1000 }
  // Counted on the clock it is due at every full hour, and has no options.
  if (kind === 'relative') return { kind, minutes: [0], hours: range(0, 23), skipped: 'shift', repeated: 'once' }
  const near = range(night.hour - 1, night.hour + 2).map(hour => (hour + 24) % 24)
  const minutes = random.pick([
    () => range(0, 59),
    () => range(0, 11).map(i => 5 * i),
    () => [0, 15, 30, 45],
    () => [30],
    () => [random.int(0, 59)],
    () => Array.from({ length: 3 }, () => random.int(0, 59)),
  ])()
  return {
    kind,
    minutes: [...new Set(minutes)].sort((a, b) => a - b),
    hours: random.chance(0.4) ? range(0, 23) : near.filter(hour => random.chance(0.5) || hour === night.hour),
    ...(random.chance(0.2) ? { weekday: random.pick([6, 0]) } : {}),
    skipped: random.chance(0.7) ? 'shift' : 'skip',
    repeated: random.chance(0.7) ? 'once' : 'twice',
  }
}

function drawTroubles(
  { night, from, until, entries }: Pick<ClockPlan, 'night' | 'from' | 'until' | 'entries'>,
  random: SimRandom,
): readonly Trouble[] {
  const dues = entries.flatMap(entry => dueTimes(entry, from, until))
  const drawn = Array.from({ length: random.pick([0, 1, 2, 4, 6]) }, (): Trouble => {
    const instant = random.chance(0.3) || dues.length === 0 ? night.change : random.pick(dues)
    const at = instant + random.pick([random.int(-15, 15), random.int(-15, 15), random.int(-40_000, 40_000)])
    return drawTrouble(at, random)
  })
  const big = random.pick(['outage', 'outage', 'hour', undefined, undefined] as const)
  if (big !== undefined) drawn.unshift(drawBig(big, from, night, random))
  const troubles: Trouble[] = []
  for (const trouble of drawn) {
    const fits = trouble.at >= from + APART && endOf(trouble) + APART < until
    if (fits && troubles.every(other => areApart(trouble, other))) troubles.push(trouble)
  }
  return troubles.sort((a, b) => a.at - b.at)
}

function drawTrouble(at: EpochMs, random: SimRandom): Trouble {
  const kind = random.pick(['kill', 'kill', 'stop', 'reset', 'freeze', 'cut', 'blackhole', 'step'] as const)
  if (kind === 'kill' || kind === 'stop' || kind === 'reset') return { kind, at }
  if (kind === 'step') return { kind, at, span: random.int(100, 3000), by: random.int(-2000, 2000) }
  return { kind, at, span: random.int(1000, 40_000) }
}

/** Nearly always over the change. */
function drawBig(big: 'outage' | 'hour', from: EpochMs, { change }: Night, random: SimRandom): Trouble {
  const at = random.pick([random.int(from + APART, change), change + random.int(-20_000, 1000)])
  const span = random.int(2 * MINUTE, 60 * MINUTE)
  if (big === 'outage') return { kind: 'outage', at, span }
  return { kind: 'step', at, span, by: random.pick([HOUR, -HOUR]) }
}

function areApart(one: Trouble, other: Trouble): boolean {
  return one.at > endOf(other) + APART || other.at > endOf(one) + APART
}

/** When it is over. */
export function endOf(trouble: Trouble): EpochMs {
  return trouble.at + ('span' in trouble ? trouble.span : 0)
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
