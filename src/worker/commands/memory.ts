import { CommandError } from '../../control/command-error.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Dict } from '../../protocol/dict.js'
import { count } from './check.js'

/** Samples that are remembered for `memdump`. */
const MAX_SAMPLES = 1000

const UNITS: readonly (readonly [bytes: number, unit: string])[] = [
  [2 ** 40, 'TB'],
  [2 ** 30, 'GB'],
  [2 ** 20, 'MB'],
  [2 ** 10, 'KB'],
]

/** Looks at how much memory this process takes. Source: celery/utils/debug.py. */
export class MemorySamples {
  readonly #host: Runtime['host']
  #samples: string[] = []

  constructor(runtime: Pick<Runtime, 'host'>) {
    this.#host = runtime.host
  }

  /** Null where the process cannot be looked at. */
  sample(): string | null {
    const usage = this.#host.usage?.()
    if (usage === undefined) return null
    const text = humanBytes(usage.rss)
    if (this.#samples.length >= MAX_SAMPLES) this.#samples.shift()
    this.#samples.push(text)
    return text
  }

  /** The samples since the last dump, and how much it is now. */
  dump(args: Dict): string {
    const wanted = count(args['samples'], 'samples', { min: 1, max: MAX_SAMPLES }, 10)
    const before = some(this.#samples, wanted)
    this.#samples = []
    const usage = this.#host.usage?.()
    if (usage === undefined) return '- rss: (not measured here).\n'
    const lines = before.length === 0 ? [] : ['- rss (sample):', ...before.map(text => `-    > ${text},`)]
    return [...lines, `- rss (end): ${humanBytes(usage.rss)}.`, ''].join('\n')
  }
}

export function objgraph(): never {
  throw new CommandError('ImportError', 'Requires the objgraph library')
}

/** `57.191MB`: five digits. Source: celery/utils/debug.py `humanbytes`, `hfloat`. */
function humanBytes(bytes: number): string {
  const [size, unit] = UNITS.find(([least]) => bytes >= least) ?? [1, 'b']
  const amount = bytes / size
  return `${Number.isInteger(amount) ? amount : Number(amount.toPrecision(5))}${unit}`
}

/** Every so-manieth, so that `wanted` are left. */
function some(samples: readonly string[], wanted: number): readonly string[] {
  if (samples.length <= wanted) return samples
  const step = Math.floor(samples.length / wanted)
  return Array.from({ length: wanted }, (_, i) => samples[i * step] as string)
}
