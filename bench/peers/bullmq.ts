import { onPostgres } from '../places.js'
import { POSTGRES_URL, REDIS_DB } from '../servers.js'
import { loadPeer } from './install.js'

/** A database of its own and a prefix, so that nobody else's keys are touched. */
const REDIS = { host: '127.0.0.1', port: 6379, db: REDIS_DB, maxRetriesPerRequest: null } as const
const PREFIX = 'lovage-bench'
const SCHEMA = 'lovage_bench_bullmq'

/** As much of BullMQ as the rows use. */
export interface BullMq {
  readonly Queue: new (name: string, options: object, backend?: unknown) => BullQueue
  readonly Worker: new (
    name: string,
    run: (job: { readonly data: unknown }) => Promise<unknown>,
    options: object,
    backend?: unknown,
  ) => BullWorker
  readonly QueueEvents: new (name: string, options: object, backend?: unknown) => BullEvents
  readonly FlowProducer: new (options: object) => BullFlows
  readonly createPostgresBackend: unknown
}

export interface BullQueue {
  add(name: string, data: unknown, options?: object): Promise<BullJob>
  addBulk(
    jobs: readonly { readonly name: string; readonly data: unknown; readonly opts?: object }[],
  ): Promise<BullJob[]>
  waitUntilReady(): Promise<unknown>
  obliterate(options: { readonly force: boolean }): Promise<void>
  setMaxListeners(count: number): void
  close(): Promise<void>
}

export interface BullFlows {
  add(flow: object): Promise<{ readonly job: BullJob }>
  close(): Promise<void>
}

export interface BullJob {
  waitUntilFinished(events: BullEvents): Promise<unknown>
}

export interface BullWorker {
  waitUntilReady(): Promise<unknown>
  close(force?: boolean): Promise<void>
}

export interface BullEvents {
  waitUntilReady(): Promise<unknown>
  setMaxListeners(count: number): void
  close(): Promise<void>
}

export function loadBullMq(): BullMq {
  return loadPeer('bullmq') as BullMq
}

/** What every BullMQ object here is given. */
export function bullOptions(): object {
  return { connection: REDIS, prefix: PREFIX }
}

/** The same for its PostgreSQL backend, which is the third argument of each. */
export function bullPostgresOptions(): object {
  return { connection: { connectionString: POSTGRES_URL, schema: SCHEMA, migrate: true } }
}

export async function dropBullMqOnPostgres(): Promise<void> {
  await onPostgres(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
}
