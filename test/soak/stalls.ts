import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import type { QueueName } from '../../src/protocol/ids.js'
import { Worker } from '../../src/worker/worker.js'
import type { SoakBroker } from './soak.js'

export interface Stall {
  readonly name: string
  /** The longest step of the event loop: what it cost its thread. Other programs on the machine do not count. */
  readonly longestMs: number
  /** The same by the clock, in which they do. */
  readonly longestWallMs: number
  readonly totalMs: number
}

const MIB = 1024 * 1024

/** Generous: it only ends the wait for a worker that has lost a message. */
const DEADLINE_MS = 60_000

const list = (item: string, count: number): string => `${`${item},`.repeat(count - 1)}${item}`

export const MILLION_KEYS = (): string => `[[],{"k":{${keys(999_000)}}},{}]`

/** Bodies of nearly the largest size that is allowed, plain and shaped to be slow. */
export const LARGE_BODIES: readonly (readonly [name: string, make: () => string])[] = [
  ['one text of 1 MiB', () => `[["${'x'.repeat(MIB)}"],{},{}]`],
  ['one text of 16 MiB', () => `[["${'x'.repeat(16 * MIB - 20)}"],{},{}]`],
  ['wide: 1,999,000 numbers', () => `[[[${list('1234567', 1_999_000)}]],{},{}]`],
  ['deep: 3,900 towers of 500 levels', () => `[[[${list('['.repeat(500) + ']'.repeat(500), 3900)}]],{},{}]`],
  ['a million keys', MILLION_KEYS],
  ['900,000 numbers beyond 2^53', () => `[[[${list('12345678901234567', 900_000)}]],{},{}]`],
  ['opened 16 million times (dead letter)', () => '['.repeat(16 * MIB - 1)],
]

/** Sends each through a broker to a worker in this process, and watches the event loop while it is handled. */
export async function measureStalls(
  broker: Exclude<SoakBroker, 'redis'>,
  bodies = LARGE_BODIES,
): Promise<readonly Stall[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-stalls-'))
  const app = new App('stalls', {
    brokerUrl: broker === 'memory' ? 'memory://' : `sqlite:///${join(folder, 'stalls.db')}`,
    resultBackend: 'disabled://',
    resultSpoolPath: join(folder, 'spool'),
    taskIgnoreResult: true,
  })
  let ran = 0
  app.task('t', () => void ran++)
  const worker = new Worker(app, { name: 'stalls@here', concurrency: 2 })
  await worker.start()
  const connection = await (await app.broker()).connect({ name: 'stalls' })
  const handled = async (): Promise<number> => ran + (await connection.stats('celery.dead' as QueueName)).ready
  try {
    await connection.declare({ queues: [{ name: 'celery.dead' as QueueName }] })
    const stalls: Stall[] = []
    for (const [name, make] of bodies) {
      const message = {
        headers: { task: 't', id: name, retries: 0 },
        properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
        body: Buffer.from(make()),
      }
      const before = await handled()
      await turn()
      const watch = new LoopWatch()
      await connection.publish(message, { exchange: '', routingKey: 'celery' }, { publishId: name })
      do {
        if (watch.totalMs > DEADLINE_MS) throw new Error(`'${name}' neither ran nor died`)
        await turn()
        watch.look()
      } while ((await handled()) === before)
      const { longestMs, longestWallMs, totalMs } = watch
      stalls.push({ name, longestMs, longestWallMs, totalMs })
    }
    return stalls
  } finally {
    await connection[Symbol.asyncDispose]()
    await worker.stop('warm')
    await app[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Looked at in every turn of the event loop, it knows the longest. */
class LoopWatch {
  readonly #begun = performance.now()
  #cpu = cpuMs()
  #wall = performance.now()
  longestMs = 0
  longestWallMs = 0

  get totalMs(): number {
    return this.#wall - this.#begun
  }

  look(): void {
    const [cpu, wall] = [cpuMs(), performance.now()]
    this.longestMs = Math.max(this.longestMs, cpu - this.#cpu)
    this.longestWallMs = Math.max(this.longestWallMs, wall - this.#wall)
    this.#cpu = cpu
    this.#wall = wall
  }
}

/** What some work costs this thread. */
export function costOf(work: () => unknown): number {
  const before = cpuMs()
  work()
  return cpuMs() - before
}

/** What this thread has cost so far; elsewhere than on Linux the clock has to do. */
function cpuMs(): number {
  try {
    return Number.parseInt(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8'), 10) / 1e6
  } catch {
    return performance.now()
  }
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"${i.toString(36).padStart(6, '0')}":1`).join(',')
}
