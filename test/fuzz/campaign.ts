import { inputSize, inputToJson } from './input-text.js'
import { outcomeOf } from './outcome.js'
import { FuzzRandom } from './random.js'
import type { Input, Outcome, Target } from './target.js'

export interface CampaignOptions {
  readonly seed: number
  /** Index of the first input; together with the seed it names an input for ever. */
  readonly from: number
  readonly count: number
  /** Told the index of each input before it is judged. */
  readonly began?: (index: number) => void
  /** Inputs that take longer than this per byte, three times in a row, are finds. Undefined = not measured. */
  readonly slowest?: Slowness | undefined
}

export interface Slowness {
  /** An input may take this long, whatever its size. */
  readonly ms: number
  readonly msPerByte: number
}

/** Something that should not have happened. `input` as `inputToJson` gives it. */
export interface Find {
  readonly index: number
  readonly problem: string
  readonly input: unknown
}

export interface CampaignReport {
  readonly target: string
  readonly seed: number
  readonly count: number
  readonly outcomes: Readonly<Record<Outcome, number>>
  readonly finds: readonly Find[]
  readonly ms: number
}

/** More of one kind are not interesting; more kinds at once are not readable. */
const MAX_FINDS = 5

/** Makes inputs from a seed and has a target judge them. Ends early when it has found enough. */
export async function campaign(target: Target, options: CampaignOptions): Promise<CampaignReport> {
  const outcomes: Record<Outcome, number> = {}
  const finds = new Map<string, Find>()
  const started = performance.now()
  let done = 0
  // Most inputs end in an error; its stack would cost more than the decoder.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  for (let index = options.from; index < options.from + options.count && finds.size < MAX_FINDS; index++) {
    const input = target.make(new FuzzRandom(target.name, options.seed, index))
    options.began?.(index)
    done++
    try {
      const begun = performance.now()
      const judged = outcomeOf(target, input)
      // Awaiting what is there already would double the time of a run.
      const outcome = typeof judged === 'string' ? judged : await judged
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      const slow =
        options.slowest !== undefined && (await isSlow(target, input, performance.now() - begun, options.slowest))
      if (slow) throw new Error('this input takes too long for its size')
      if (isPolluted()) throw new Error('a prototype was changed')
    } catch (error) {
      const kind = String(error).slice(0, 60)
      if (finds.has(kind)) continue
      Error.stackTraceLimit = stackTraceLimit
      finds.set(kind, { index, problem: await problemOf(error, target, input), input: inputToJson(input) })
      Error.stackTraceLimit = 0
    }
  }
  Error.stackTraceLimit = stackTraceLimit
  return {
    target: target.name,
    seed: options.seed,
    count: done,
    outcomes,
    finds: [...finds.values()],
    ms: performance.now() - started,
  }
}

/** Garbage collection and other programs slow one try down, not three. */
async function isSlow(target: Target, input: Input, first: number, { ms, msPerByte }: Slowness): Promise<boolean> {
  const bound = ms + msPerByte * inputSize(input)
  let least = first
  for (let tries = 0; tries < 2 && least > bound; tries++) {
    const begun = performance.now()
    await outcomeOf(target, input)
    least = Math.min(least, performance.now() - begun)
  }
  return least > bound
}

function isPolluted(): boolean {
  for (const _ in {}) return true
  return Object.keys(Array.prototype).length > 0
}

/** With the stack of a second try, when that fails, too. */
async function problemOf(error: unknown, target: Target, input: Input): Promise<string> {
  try {
    await outcomeOf(target, input)
    return String(error)
  } catch (again) {
    return again instanceof Error ? (again.stack ?? again.message) : `threw ${String(again)}`
  }
}
