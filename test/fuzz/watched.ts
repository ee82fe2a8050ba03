import { Worker } from 'node:worker_threads'
import type { CampaignReport, Slowness } from './campaign.js'

export interface WatchedRun {
  readonly runs: readonly { readonly target: string; readonly count: number }[]
  readonly seed: number
  readonly from: number
  readonly slowest?: Slowness | undefined
  /** An input that is not judged within this time hangs. */
  readonly patience: number
}

/** What the thread is given: `progress` holds the position of the target in the list and the index of its input. */
export interface ThreadOrder extends Omit<WatchedRun, 'patience'> {
  readonly progress: SharedArrayBuffer
}

/** Decoders make short-lived objects and nothing else: with a young generation of this size they need a tenth less time. */
const ROOM = { maxYoungGenerationSizeMb: 64 }

/** How often the watchdog looks. */
const LOOK_MS = 500

/**
 * Runs campaigns in a thread of their own, so that a decoder that never ends can be told from one that is busy: then
 * the thread is stopped and the report names the input. Resolves when all have ended.
 */
export async function runWatched(run: WatchedRun, reported: (report: CampaignReport) => void): Promise<void> {
  const { patience, ...rest } = run
  const progress = new SharedArrayBuffer(8)
  const order: ThreadOrder = { ...rest, progress }
  const thread = new Worker(new URL('./thread.js', import.meta.url), { workerData: order, resourceLimits: ROOM })
  thread.on('message', reported)
  const watch = new Watch(progress, patience)
  await new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      const stuck = watch.stuckAt()
      if (stuck === undefined) return
      const [target = 0, index = 0] = stuck
      reported(hang(run, target, index, patience))
      void thread.terminate()
    }, LOOK_MS)
    thread.once('error', reject)
    thread.once('exit', () => {
      clearInterval(timer)
      resolve()
    })
  })
}

class Watch {
  readonly #progress: Int32Array
  readonly #patience: number
  #seen = ''
  #since = performance.now()

  constructor(progress: SharedArrayBuffer, patience: number) {
    this.#progress = new Int32Array(progress)
    this.#patience = patience
  }

  stuckAt(): readonly number[] | undefined {
    const now = [...this.#progress]
    if (now.join() !== this.#seen) {
      this.#seen = now.join()
      this.#since = performance.now()
      return undefined
    }
    return performance.now() - this.#since > this.#patience ? now : undefined
  }
}

function hang(run: WatchedRun, target: number, index: number, patience: number): CampaignReport {
  return {
    target: run.runs[target]?.target ?? '?',
    seed: run.seed,
    count: index - run.from + 1,
    outcomes: {},
    finds: [{ index, problem: `no answer within ${patience / 1000} s`, input: undefined }],
    ms: patience,
  }
}
