import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import type { QueueName } from '../../src/protocol/ids.js'
import { Worker } from '../../src/worker/worker.js'

export interface Stall {
  readonly name: string
  /** The longest time in which this process did nothing else. */
  readonly longestMs: number
  readonly totalMs: number
}

const MIB = 1024 * 1024

/** Generous: it only ends the wait for a worker that has lost a message. */
const DEADLINE_MS = 60_000

const list = (item: string, count: number): string => `${`${item},`.repeat(count - 1)}${item}`

/** Bodies of nearly the largest size that is allowed, plain and shaped to be slow. */
export const LARGE_BODIES: readonly (readonly [name: string, make: () => string])[] = [
  ['one text of 1 MiB', () => `[["${'x'.repeat(MIB)}"],{},{}]`],
  ['one text of 16 MiB', () => `[["${'x'.repeat(16 * MIB - 20)}"],{},{}]`],
  ['wide: 1,999,000 numbers', () => `[[[${list('1234567', 1_999_000)}]],{},{}]`],
  ['deep: 3,900 towers of 500 levels', () => `[[[${list('['.repeat(500) + ']'.repeat(500), 3900)}]],{},{}]`],
  ['a million keys', () => `[[],{"k":{${keys(999_000)}}},{}]`],
  ['900,000 numbers beyond 2^53', () => `[[[${list('12345678901234567', 900_000)}]],{},{}]`],
  ['opened 16 million times (dead letter)', () => '['.repeat(16 * MIB - 1)],
]

/** Sends each through a SQLite file to a worker in this process, and watches the event loop while it is handled. */
export async function measureStalls(bodies = LARGE_BODIES): Promise<readonly Stall[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-stalls-'))
  const app = new App('stalls', {
    brokerUrl: `sqlite:///${join(folder, 'stalls.db')}`,
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
      const delay = monitorEventLoopDelay({ resolution: 1 })
      delay.enable()
      const begun = performance.now()
      await connection.publish(message, { exchange: '', routingKey: 'celery' }, { publishId: name })
      while ((await handled()) === before) {
        if (performance.now() - begun > DEADLINE_MS) throw new Error(`'${name}' neither ran nor died`)
        await sleep(5)
      }
      delay.disable()
      stalls.push({ name, longestMs: delay.max / 1e6, totalMs: performance.now() - begun })
    }
    return stalls
  } finally {
    await connection[Symbol.asyncDispose]()
    await worker.stop('warm')
    await app[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}

function keys(count: number): string {
  return Array.from({ length: count }, (_, i) => `"${i.toString(36).padStart(6, '0')}":1`).join(',')
}
