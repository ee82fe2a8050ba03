import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { Worker } from '../../src/worker/worker.js'
import { privateRedis } from '../support/services/redis.js'

export type SoakBroker = 'memory' | 'sqlite' | 'redis'
export type SoakPool = 'inline' | 'threads' | 'prefork'

export interface SoakOptions {
  readonly broker: SoakBroker
  readonly pool: SoakPool
  readonly tasks: number
  /** Memory is measured for the first time after so many. */
  readonly warmUp: number
  readonly acksLate: boolean
  /** Every second task fails, deep in its stack, and all results are kept in a file; nobody asks for them (H52). */
  readonly failing: boolean
}

/** Bytes and open handles of this process once nothing is under way and garbage is collected. */
export interface Footprint {
  readonly tasks: number
  readonly heap: number
  /** With the children of a pool. */
  readonly resident: number
  /** Kind of resource → how many keep the process alive. */
  readonly handles: Readonly<Record<string, number>>
}

export interface SoakReport extends SoakOptions {
  readonly warm: Footprint
  readonly end: Footprint
  readonly seconds: number
}

type SoakModule = typeof import('./soak-app.js')

const MODULE = new URL('./soak-app.js', import.meta.url)

/** Tasks under way at a time; each batch is awaited, so that nothing piles up. */
const BATCH = 500

/** Tiny tasks through one app and one worker in this process, which must run with `--expose-gc` (S-1). */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-soak-'))
  try {
    await using server = options.broker === 'redis' ? await privateRedis() : undefined
    return await soakIn(folder, options, server?.url)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function soakIn(folder: string, options: SoakOptions, redis: string | undefined): Promise<SoakReport> {
  process.env['LOVAGE_SOAK'] = JSON.stringify({
    settings: settingsOf(options, folder, redis),
    failing: options.failing,
  })
  const runner = new Runner(await import('./soak-app.js'), options.pool)
  await runner.worker.start()
  const begun = performance.now()
  await runner.runUntil(options.warmUp)
  const warm = await footprint(runner)
  await runner.runUntil(options.tasks)
  const seconds = (performance.now() - begun) / 1000
  const end = await footprint(runner)
  await runner[Symbol.asyncDispose]()
  return { ...options, warm, end, seconds }
}

function settingsOf({ broker, acksLate, failing }: SoakOptions, folder: string, redis = ''): SettingsInput {
  const urls: Readonly<Record<SoakBroker, string>> = {
    memory: 'memory://',
    sqlite: `sqlite:///${join(folder, 'soak.db')}`,
    redis: `${redis}/0`,
  }
  return {
    brokerUrl: urls[broker],
    resultBackend: failing ? `db+sqlite:///${join(folder, 'results.db')}` : 'disabled://',
    resultSpoolPath: join(folder, 'spool'),
    durability: 'os',
    taskIgnoreResult: !failing,
    // A line for each failure would be most of what is measured.
    ...(failing ? { logLevel: 'critical' } : {}),
    taskAcksLate: acksLate,
  }
}

class Runner implements AsyncDisposable {
  readonly worker: Worker
  readonly #app: App
  readonly #tasks: SoakModule
  readonly #slots: number
  #arrived: (() => void) | undefined
  #wanted = 0
  ran = 0

  constructor(tasks: SoakModule, pool: SoakPool) {
    const { app } = tasks
    this.#tasks = tasks
    this.#app = app
    this.#slots = pool === 'inline' ? 50 : 2
    app.use({ name: 'count', observe: ({ type }) => this.#observe(type) })
    const ours = pool === 'inline' ? {} : { prefetchMultiplier: 50, module: MODULE }
    this.worker = new Worker(app, { name: 'soak@here', pool, concurrency: this.#slots, ...ours })
  }

  async runUntil(tasks: number): Promise<void> {
    const { tiny } = this.#tasks
    while (this.ran < tasks) await this.#run(Array.from({ length: BATCH }, (_, i) => tiny.s(this.ran + i)))
  }

  /** Garbage, wherever tasks run. */
  async collect(): Promise<void> {
    const { ran } = this
    const { collect } = this.#tasks
    await this.#run(Array.from({ length: 2 * this.#slots }, () => collect.s()))
    this.ran = ran
  }

  async #run(signatures: Parameters<App['publishMany']>[0]): Promise<void> {
    this.#wanted = this.ran + signatures.length
    const arrived = new Promise<void>(resolve => {
      this.#arrived = resolve
    })
    await this.#app.publishMany(signatures)
    await arrived
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop('warm')
    await this.#app[Symbol.asyncDispose]()
  }

  #observe(type: string): void {
    if (type !== 'task-succeeded' && type !== 'task-failed') return
    if (++this.ran === this.#wanted) this.#arrived?.()
  }
}

/** Acks of the last batch may still be under way, and garbage in need of a second look. */
async function footprint(runner: Runner): Promise<Footprint> {
  await runner.collect()
  for (let times = 0; times < 200; times++) await turn()
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.()
    await turn()
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { tasks: runner.ran, heap: heapUsed, resident: rss + childrenResident(), handles: await lastingHandles() }
}

/** The least there are of each kind in a second: a timer that is armed and goes off is none that was left behind. */
async function lastingHandles(): Promise<Record<string, number>> {
  let lasting = openHandles()
  for (let times = 0; times < 20; times++) {
    await sleep(50)
    const now = openHandles()
    const both = Object.keys(lasting).filter(kind => now[kind] !== undefined)
    lasting = Object.fromEntries(both.map(kind => [kind, Math.min(lasting[kind] ?? 0, now[kind] ?? 0)]))
  }
  return lasting
}

function openHandles(): Record<string, number> {
  const handles: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate') handles[kind] = (handles[kind] ?? 0) + 1
  }
  return handles
}

/** Kinds of handles that have become more; a connection or timer more or less comes and goes. */
export function grownHandles(warm: Footprint, end: Footprint): readonly string[] {
  return Object.entries(end.handles).flatMap(([kind, count]) => (count > (warm.handles[kind] ?? 0) + 1 ? [kind] : []))
}

/** Bytes that Node processes started by this one hold. */
function childrenResident(): number {
  if (process.platform === 'win32') return 0
  const rows = execFileSync('ps', ['-A', '-o', 'ppid=,rss=,comm=']).toString().trim().split('\n')
  let kib = 0
  for (const row of rows) {
    const [parent, rss, name] = row.trim().split(/\s+/)
    if (parent === String(process.pid) && /node|lovage/.test(name ?? '')) kib += Number(rss)
  }
  return kib * 1024
}
