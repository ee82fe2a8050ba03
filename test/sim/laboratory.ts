import type { SimulateOptions } from '../../src/testing/sim/simulate.js'
import type { Played } from './played.js'
import type { Shrunk } from './smallest.js'

/** What every run tells: how often it came to which situation. */
export interface Sighted {
  readonly sightings: ReadonlyMap<string, number>
}

/** One kind of play: how a seed becomes a plan, how that is played, and how what came of it is told. */
export interface Laboratory<Plan = unknown, Report extends Sighted = Sighted> {
  /** What plays it; a seed is played by the same behind `LOVAGE_SEED=…`. */
  readonly command: string
  /** Of a run whose text is kept. */
  readonly traced: SimulateOptions
  draw(seed: number | string): Plan
  play(plan: Plan, options?: SimulateOptions): Promise<Played<Report>>
  /** The smallest plan found that breaks the same. */
  shrink(plan: Plan, invariant: string): Promise<Shrunk<Plan>>
  /** A line that sums a plan up, then one for each of its parts. */
  describe(plan: Plan): readonly string[]
  /** Does this line of a trace belong to the story of these tasks? */
  concerns(ids: readonly string[]): (line: string) => boolean
  /** What a run counts; those of all runs are added up for `sum`. */
  count(report: Report): Readonly<Record<string, number>>
  sum(seeds: string, sums: Readonly<Record<string, number>>): string
  /** Situations that so many seeds must have come to, and have not. */
  missed(seen: ReadonlyMap<string, number>, seeds: number): readonly string[]
}
