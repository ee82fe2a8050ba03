import type { SimRandom } from '../sim/sim-random.js'

/** Ways in which a network is cut; see `ChaosProxy`. */
export type CutKind = 'reset' | 'refuse' | 'blackhole' | 'half' | 'byte'

const CUT_KINDS: readonly CutKind[] = ['reset', 'refuse', 'blackhole', 'half', 'byte']

/** Something that is done to a running cluster. */
export type Fault =
  | { readonly kind: 'kill'; readonly slot: number }
  | { readonly kind: 'freeze'; readonly slot: number; readonly ms: number }
  | { readonly kind: 'restart'; readonly how: 'crash' | 'clean'; readonly away: number }
  | { readonly kind: 'cut'; readonly how: CutKind; readonly ms: number }

export interface PlannedFault {
  readonly fault: Fault
  /** When so many tasks are done … */
  readonly after: number
  /** … and so many ms later. */
  readonly wait: number
}

export interface FaultCounts {
  /** Workers killed with SIGKILL, each replaced at once. */
  readonly kills?: number
  /** Workers stopped with SIGSTOP for a while. */
  readonly freezes?: number
  /** The broker, crashed and stopped in turns. Needs `server`. */
  readonly restarts?: number
  /** The network between everybody and the broker. Needs `proxy`. */
  readonly cuts?: number
}

/** Longest time that things are broken, ms. */
const LONGEST = { freeze: 3000, restart: 1500, cut: 2500 } as const

/**
 * By the number of tasks done, ascending; all within the first 80 %. Given as numbers of tasks, all faults meet the load, however
 * fast the machine.
 */
export function planFaults(
  random: SimRandom,
  counts: FaultCounts,
  { tasks, workers }: { readonly tasks: number; readonly workers: number },
): readonly PlannedFault[] {
  const slot = (): number => random.int(0, workers - 1)
  const make: readonly (readonly [number, (n: number) => Fault])[] = [
    [counts.kills ?? 0, () => ({ kind: 'kill', slot: slot() })],
    [counts.freezes ?? 0, () => ({ kind: 'freeze', slot: slot(), ms: random.between(100, LONGEST.freeze) })],
    [
      counts.restarts ?? 0,
      n => ({ kind: 'restart', how: n % 2 === 0 ? 'crash' : 'clean', away: random.between(0, LONGEST.restart) }),
    ],
    [counts.cuts ?? 0, n => ({ kind: 'cut', how: kindOfCut(n), ms: random.between(50, LONGEST.cut) })],
  ]
  const faults = make.flatMap(([count, one]) => Array.from({ length: count }, (_, n) => one(n)))
  const planned = faults.map(fault => ({
    fault,
    after: random.int(0, Math.floor(tasks * 0.8)),
    wait: random.between(0, 30),
  }))
  return planned.sort((a, b) => a.after - b.after)
}

function kindOfCut(n: number): CutKind {
  return CUT_KINDS[n % CUT_KINDS.length] ?? 'reset'
}
