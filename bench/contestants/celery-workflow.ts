import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BENCH_QUEUE } from '../places.js'
import type { Contestant } from '../row.js'
import { PYTHON, REDIS_URL } from '../servers.js'
import { CELERY_PROGRAMS, celeryEnvironment, celeryWorker } from './celery-drain.js'
import { type Workflow, workflowSample } from './workflow.js'

/** A Python client and a prefork worker of two processes over Redis; the client keeps the time itself, after one unmeasured send. */
export async function celeryWorkflow(workflow: Workflow): Promise<Contestant> {
  const options = { backend: REDIS_URL, port: 9 }
  const env = { ...celeryEnvironment(options), BENCH_BROKER: REDIS_URL, BENCH_QUEUE: `${BENCH_QUEUE}-celery` }
  const worker = celeryWorker(options, env)
  const { kind, size, times } = workflow
  return {
    name: 'Celery -c 2, Redis',
    run: async () => {
      const args = [join(CELERY_PROGRAMS, 'celery_noop.py'), kind, String(size), String(times)]
      const { stdout } = await promisify(execFile)(PYTHON, args, { env })
      return workflowSample(workflow, JSON.parse(stdout) as number)
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  }
}
