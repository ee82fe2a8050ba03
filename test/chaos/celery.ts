import { join } from 'node:path'
import type { ChaosClusterOptions, OtherProgram } from '../../src/testing/chaos/chaos-cluster.js'
import { PYTHON } from '../support/python/python.js'
import { repositoryRoot } from '../support/repository.js'

const FOLDER = join(repositoryRoot(), 'test', 'chaos', 'python')

/** Real Celery in the place of our workers, with settings that promise the same. */
export const CELERY: OtherProgram = {
  command: PYTHON,
  args: (name, concurrency) => [
    ...['-m', 'celery', '--workdir', FOLDER, '-A', 'chaos_celery', 'worker'],
    ...['-c', String(concurrency), '-n', `${name}@chaos`, '-l', 'INFO'],
  ],
}

/** Celery's processes would wait for each other's locks in the file where ours keep results: over Redis they are in Redis. */
export function ofCelery(cluster: ChaosClusterOptions): ChaosClusterOptions {
  const { brokerUrl, resultBackend } = cluster
  if (resultBackend !== undefined || brokerUrl?.startsWith('redis:') !== true) return cluster
  return { ...cluster, resultBackend: brokerUrl.replace(/0$/, '1') }
}
