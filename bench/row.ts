import { loadavg } from 'node:os'
import type { Need } from './servers.js'

/** What one run of a contestant came to, by the name of the figure: `{ rate: 41_000 }`. */
export type Sample = Readonly<Record<string, number>>

/** One side of a comparison: does its work once each time. What it has made ready goes when the row is over. */
export interface Contestant extends Partial<AsyncDisposable> {
  readonly name: string
  run(): Promise<Sample>
}

/** A figure that both sides give, and what is expected of it. */
export interface Figure {
  readonly name: string
  readonly unit: 'tasks/s' | 'µs' | 'ms' | 'MB' | '% of a core'
  /** Undefined: told, not judged. */
  readonly aim?: Aim
}

/** About the median of ours over the median of theirs, or about ours alone. */
export type Aim =
  | { readonly kind: 'ratio-at-least'; readonly value: number }
  | { readonly kind: 'ratio-at-most'; readonly value: number }
  | { readonly kind: 'at-most'; readonly value: number }
  | { readonly kind: 'at-least'; readonly value: number }

export interface Row {
  /** As given to `--only`. */
  readonly name: string
  readonly title: string
  /** It is skipped by name when one of them is not here. */
  readonly needs: readonly Need[]
  readonly figures: readonly Figure[]
  /** Makes the sides ready, ours first. */
  ours(): Contestant | Promise<Contestant>
  theirs(): Contestant | Promise<Contestant>
}

export interface FigureResult {
  readonly name: string
  readonly unit: Figure['unit']
  readonly ours: Side
  readonly theirs: Side
  /** Of the medians, ours over theirs. */
  readonly ratio: number
  /** Of the single rounds, sorted: the spread. */
  readonly ratios: readonly number[]
  readonly aim: Aim | undefined
  readonly reached: boolean
}

export interface Side {
  readonly name: string
  readonly median: number
  /** In the order of the rounds. */
  readonly values: readonly number[]
}

export interface RowResult {
  readonly name: string
  readonly title: string
  readonly figures: readonly FigureResult[]
  /** How often it was measured until the rounds agreed, or until patience ended. */
  readonly tries: number
  /** The rounds still disagreed at the end. */
  readonly noisy: boolean
  /** One-minute load of the machine at the end. Above the two or three that a row itself makes, it had other work. */
  readonly load: number
}

/** The first figure's largest ratio over its smallest, beyond which the row is measured again. */
const NOISY = 1.6
const TRIES = 3

/** Runs both sides in turn, `rounds` times, after one unmeasured round each; again while the machine is noisy. */
export async function measure(row: Row, rounds: number): Promise<RowResult> {
  const sides: Contestant[] = []
  try {
    const ours = await row.ours()
    sides.push(ours)
    const theirs = await row.theirs()
    sides.push(theirs)
    await theirs.run()
    await ours.run()
    for (let tries = 1; ; tries++) {
      const figures = await play(ours, theirs, row.figures, rounds)
      const noisy = spread(figures) > NOISY
      if (!noisy || tries === TRIES) {
        return { name: row.name, title: row.title, figures, tries, noisy, load: loadavg()[0] ?? 0 }
      }
    }
  } finally {
    for (const side of sides.reverse()) await side[Symbol.asyncDispose]?.()
  }
}

async function play(
  ours: Contestant,
  theirs: Contestant,
  figures: readonly Figure[],
  rounds: number,
): Promise<FigureResult[]> {
  const samples: { readonly ours: Sample; readonly theirs: Sample }[] = []
  for (let i = 0; i < rounds; i++) samples.push({ theirs: await theirs.run(), ours: await ours.run() })
  return figures.map(({ name, unit, aim }) => {
    const side = (which: 'ours' | 'theirs', of: string): Side => {
      const values = samples.map(sample => sample[which][name] ?? Number.NaN)
      return { name: of, median: median(values), values }
    }
    const [mine, other] = [side('ours', ours.name), side('theirs', theirs.name)]
    const ratio = mine.median / other.median
    const ratios = mine.values.map((value, i) => value / (other.values[i] as number)).sort((a, b) => a - b)
    return { name, unit, ours: mine, theirs: other, ratio, ratios, aim, reached: isReached(aim, ratio, mine.median) }
  })
}

function isReached(aim: Aim | undefined, ratio: number, own: number): boolean {
  switch (aim?.kind) {
    case undefined:
      return true
    case 'ratio-at-least':
      return ratio >= aim.value
    case 'ratio-at-most':
      return ratio <= aim.value
    case 'at-most':
      return own <= aim.value
    case 'at-least':
      return own >= aim.value
    default:
      return aim satisfies never
  }
}

function spread([first]: readonly FigureResult[]): number {
  if (first === undefined) return 1
  return (first.ratios.at(-1) as number) / (first.ratios[0] as number)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Between two values: as far from each as `q` says. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] as number
  const high = sorted[Math.ceil(at)] as number
  return low + (high - low) * (at - Math.floor(at))
}
