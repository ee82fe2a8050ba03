import { LoggedProcess } from './logged-process.js'
import { PROGRAMS, PYTHON } from './python.js'

export interface PythonWorkerOptions {
  /** Environment of pyapp.py. */
  readonly env: Readonly<Record<string, string>>
  readonly queues: readonly string[]
  readonly concurrency?: number
  /** Gossip and mingle on: a second later, and it knows its neighbours. */
  readonly social?: boolean
}

/** A Celery worker with the tasks of pyapp.py; consuming when the promise resolves. */
export async function pythonWorker(name: string, options: PythonWorkerOptions): Promise<LoggedProcess> {
  const { env, queues, concurrency = 4, social = false } = options
  const words = ['-m', 'celery', '-A', 'pyapp', 'worker', '-n', name, '-Q', queues.join(','), '-c', String(concurrency)]
  const quick = social ? ['-l', 'DEBUG'] : ['-l', 'INFO', '--without-gossip', '--without-mingle']
  const worker = new LoggedProcess(`Celery worker ${name}`, [PYTHON, ...words, ...quick], { cwd: PROGRAMS, env })
  try {
    await worker.says(/ ready\./)
    return worker
  } catch (error) {
    await worker[Symbol.asyncDispose]()
    throw error
  }
}
