import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { join } from 'node:path'

/** `bench/`, whether this runs as source or from a build folder beside it. */
export const BENCH: string = [join(import.meta.dirname, '..', '..', 'bench'), import.meta.dirname].find(folder =>
  existsSync(join(folder, 'package.json')),
) as string

/** A number of its own and a prefix, so that nobody else's keys are touched. */
export const REDIS = { host: '127.0.0.1', port: 6379, db: 13, maxRetriesPerRequest: null } as const
export const PREFIX = 'lovage-bench'

/** As much of BullMQ as the rows use. */
export interface BullMq {
  readonly Queue: new (name: string, options: object) => BullQueue
  readonly Worker: new (
    name: string,
    run: (job: { readonly data: unknown }) => Promise<unknown>,
    options: object,
  ) => BullWorker
  readonly QueueEvents: new (name: string, options: object) => BullEvents
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

/** Installs the peers into `bench/node_modules` when they are not there. */
export function installPeers(): void {
  if (existsSync(join(BENCH, 'node_modules', 'bullmq'))) return
  console.error('Installing the peers into bench/node_modules …')
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts']
  const done = spawnSync('npm', args, { cwd: BENCH, stdio: ['ignore', 'ignore', 'inherit'] })
  if (done.status !== 0) throw new Error('npm install in bench/ failed')
}

export function loadBullMq(): BullMq {
  return createRequire(join(BENCH, 'package.json'))('bullmq') as BullMq
}

/** What every BullMQ object here is given. */
export function bullOptions(): object {
  return { connection: REDIS, prefix: PREFIX }
}

export async function redisAnswers(): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(REDIS.port, REDIS.host, () => socket.write('PING\r\n'))
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('data', data => end(data.toString().startsWith('+PONG')))
    socket.once('error', () => end(false))
    socket.setTimeout(1000, () => end(false))
  })
}
