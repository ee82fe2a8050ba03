import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BENCH_QUEUE } from '../places.js'
import type { Contestant } from '../row.js'
import { PYTHON } from '../servers.js'
import { CELERY_PROGRAMS, celeryEnvironment, celeryWorker } from './celery-drain.js'
import { GAP, quantiles, SENDS } from './sends.js'

/** A Python client and a prefork worker, results by message; the client keeps the time itself, after one unmeasured send. */
export async function celeryLatency(): Promise<Contestant> {
  const options = { backend: 'rpc://', port: 9 }
  const env = { ...celeryEnvironment(options), BENCH_QUEUE: `${BENCH_QUEUE}-celery` }
  const worker = celeryWorker(options, env)
  return {
    name: 'Celery, rpc',
    run: async () => {
      const args = [join(CELERY_PROGRAMS, 'celery_noop.py'), 'send', String(SENDS), String(GAP / 1000)]
      const { stdout } = await promisify(execFile)(PYTHON, args, { env })
      return quantiles(JSON.parse(stdout) as number[])
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  }
}
