import { onPostgres } from '../places.js'
import { POSTGRES_URL } from '../servers.js'
import { loadPeer } from './install.js'

/** As much of graphile-worker as the rows use. */
export interface Graphile {
  run(options: object): Promise<{ stop(): Promise<void>; readonly promise: Promise<void> }>
  makeWorkerUtils(options: object): Promise<GraphileUtils>
}

export interface GraphileUtils {
  migrate(): Promise<void>
  addJobs(jobs: readonly { readonly identifier: string; readonly payload: unknown }[]): Promise<unknown>
  withPgClient<T>(act: (client: { query(sql: string): Promise<unknown> }) => Promise<T>): Promise<T>
  release(): Promise<void>
}

const SCHEMA = 'lovage_bench_graphile'

export async function dropGraphile(): Promise<void> {
  await onPostgres(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
}

export function loadGraphile(): Graphile {
  return loadPeer('graphile-worker') as Graphile
}

/** `batched`: jobs are fetched 500 at a time and completed together, which its manual recommends for throughput. */
export function graphilePreset(batched: boolean): object {
  const worker = {
    connectionString: POSTGRES_URL,
    schema: SCHEMA,
    concurrentJobs: 10,
    maxPoolSize: 12,
    ...(batched ? { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
  }
  return { preset: { worker }, logger: quiet() }
}

function quiet(): unknown {
  const { Logger } = loadPeer('graphile-worker') as { readonly Logger: new (make: () => () => void) => unknown }
  return new Logger(() => () => undefined)
}
