/** One side of a comparison: does its work once and says how many items per second it managed. */
export interface Contestant {
  readonly name: string
  run(): Promise<number>
}

export interface Row {
  readonly name: string
  /** Ours over theirs. */
  readonly ours: Contestant
  readonly theirs: Contestant
  /** Least acceptable ratio of the medians. */
  readonly aim: number
}

export interface RowResult {
  readonly name: string
  readonly aim: number
  /** Ratio of the medians. */
  readonly ratio: number
  /** Ratios of the single rounds, sorted: the spread. */
  readonly ratios: readonly number[]
  readonly ours: { readonly name: string; readonly median: number; readonly rates: readonly number[] }
  readonly theirs: { readonly name: string; readonly median: number; readonly rates: readonly number[] }
}

/** More than this between the largest and the smallest ratio is noise: the row is measured once more. */
const NOISY = 1.6

/** Runs both sides in turn, `rounds` times, after one unmeasured round each; once more when the machine was noisy. */
export async function measure(row: Row, rounds: number): Promise<RowResult> {
  await row.theirs.run()
  await row.ours.run()
  const first = await round(row, rounds)
  return spread(first) <= NOISY ? first : round(row, rounds)
}

async function round(row: Row, rounds: number): Promise<RowResult> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let i = 0; i < rounds; i++) {
    theirs.push(await row.theirs.run())
    ours.push(await row.ours.run())
  }
  const ratios = ours.map((rate, i) => rate / (theirs[i] as number)).sort((a, b) => a - b)
  return {
    name: row.name,
    aim: row.aim,
    ratio: median(ours) / median(theirs),
    ratios,
    ours: { name: row.ours.name, median: median(ours), rates: ours },
    theirs: { name: row.theirs.name, median: median(theirs), rates: theirs },
  }
}

function spread({ ratios }: RowResult): number {
  return (ratios.at(-1) as number) / (ratios[0] as number)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] as number
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] as number) + high) / 2
}
