import { App } from '../../src/app/app.js'
import { chain, chord } from '../../src/canvas/canvas.js'
import type { Signature } from '../../src/protocol/signature.js'
import { Child } from '../child.js'
import { timed } from '../noop-app.js'
import { BENCH_QUEUE, redisPlace } from '../places.js'
import type { Contestant } from '../row.js'
import { type Workflow, workflowSample } from './workflow.js'

/** Client and worker are two processes, messages and results lie in Redis. `beside`: the other side is Lovage as well, and was first. */
export async function lovageWorkflow(workflow: Workflow, { beside = false } = {}): Promise<Contestant> {
  const place = redisPlace()
  // A worker whose Redis is emptied under it begins anew; and two workers on one queue share the work.
  if (!beside) await place.empty()
  const taskDefaultQueue = `${BENCH_QUEUE}-${workflow.kind}-${workflow.size}`
  const settings = {
    ...{ taskAcksLate: true, workerPrefetchMultiplier: 4, taskDefaultQueue },
    ...{ ...place.settings, ...place.results },
  }
  const worker = await Child.start('lovage-worker', settings)
  const app = new App('bench', settings)
  const canvas = build(workflow, app)
  return {
    name: `lovage, ${workflow.size} members`,
    run: async () => {
      const seconds = await timed(async () => {
        for (let n = 0; n < workflow.times; n++) await (await app.applyCanvas(canvas)).get()
      })
      return workflowSample(workflow, 1000 * seconds)
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await worker[Symbol.asyncDispose]()
      if (!beside) await place[Symbol.asyncDispose]()
    },
  }
}

function build({ kind, size }: Workflow, app: App): Signature {
  const noop = app.task('bench.noop', (a: number, _b: number): number => a)
  const count = app.task('bench.count', (values: readonly number[]): number => values.length)
  if (kind === 'chord') {
    return chord(
      Array.from({ length: size }, (_, i) => noop.s(i, 2)),
      count.s(),
    )
  }
  const steps: readonly Signature[] = Array.from({ length: size }, (_, i) => (i === 0 ? noop.s(1, 2) : noop.s(2)))
  // Each takes what the one before it gives, however many there are.
  return (chain as (...steps: readonly Signature[]) => Signature)(...steps)
}
