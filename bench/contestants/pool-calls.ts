import { join } from 'node:path'
import { outgoingCall } from '../../src/app/outgoing.js'
import { runnableOf } from '../../src/app/runnable-of.js'
import { deferred } from '../../src/lib/deferred.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import type { Call, Outcome, Pool, PoolKind } from '../../src/pools/pool.js'
import { decodeTask } from '../../src/protocol/decode-task.js'
import { appSource } from '../../src/worker/app-source.js'
import { createPool } from '../../src/worker/create-pool.js'
import { execute } from '../../src/worker/execute.js'
import { app } from '../pool-app.js'
import type { Contestant } from '../row.js'

/** Calls of one task, as many at a time as the pool takes. */
export interface PoolCalls {
  readonly kind: PoolKind
  readonly size: number
  readonly task: string
  readonly args: readonly unknown[]
  readonly count: number
}

/** A pool by itself, without broker and results. */
export function poolCalls({ kind, size, task, args, count }: PoolCalls): Contestant {
  return {
    name: `lovage, pool ${kind}, ${size} slots`,
    run: async () => {
      await using pool = await open(kind, size)
      const call = callOf(task, args)
      await drain(pool, call, size * 20)
      const began = performance.now()
      await drain(pool, call, count)
      const seconds = (performance.now() - began) / 1000
      return { rate: count / seconds, makespan: seconds * 1000 }
    },
  }
}

async function drain(pool: Pool, call: Call, count: number): Promise<void> {
  const all = deferred()
  let begun = 0
  let ended = 0
  const ends = (outcome: Outcome): void => {
    if (outcome.kind !== 'succeeded') all.reject(new Error(`A call of the benchmark ended as ${outcome.kind}.`))
    ended++
    if (ended === count) all.resolve()
    else goOn()
  }
  const goOn = (): void => {
    while (begun < count && begun - ended < pool.size + pool.ahead) {
      begun++
      void pool.run(call).outcome.then(ends)
    }
  }
  goOn()
  await all.promise
}

async function open(kind: PoolKind, size: number): Promise<Pool> {
  const runtime = nodeRuntime()
  const asks = { storeState: async () => undefined, sendEvent: () => undefined }
  const parts = { ...asks, runtime, app, extensions: [], keepLogLines: 0, fence: () => undefined }
  const pool = createPool({
    plan: { kind, size },
    runtime,
    settings: app.settings,
    source: appSource(join(import.meta.dirname, '..', 'pool-app.js')),
    execute: (call, control) => execute(call, control, { ...parts, find: ({ task }) => runnableOf(task, app) }),
    asks,
  })
  await pool.start(new AbortController().signal)
  return pool
}

function callOf(task: string, args: readonly unknown[]): Call {
  const decoded = decodeTask(outgoingCall(app, task, args, {}, {}).outgoing.message, app.codec)
  if (decoded.kind === 'malformed') throw new TypeError(decoded.detail)
  return {
    request: decoded.request,
    faults: 0,
    queue: 'celery',
    exchange: '',
    routingKey: 'celery',
    redelivered: false,
    claim: 1,
    hostname: 'bench@here',
    softTimeLimit: undefined,
    timeLimit: undefined,
  }
}
