import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { Worker } from '../../src/worker/worker.js'

export type SoakBroker = 'memory' | 'sqlite'

export interface SoakOptions {
  readonly broker: SoakBroker
  readonly tasks: number
  /** Memory is measured for the first time after so many. */
  readonly warmUp: number
  readonly acksLate: boolean
}

/** Bytes and open handles of this process once nothing is under way and garbage is collected. */
export interface Footprint {
  readonly tasks: number
  readonly heap: number
  readonly resident: number
  /** Kind of resource → how many keep the process alive. */
  readonly handles: Readonly<Record<string, number>>
}

export interface SoakReport extends SoakOptions {
  readonly warm: Footprint
  readonly end: Footprint
  readonly seconds: number
}

/** Tasks under way at a time; each batch is awaited, so that nothing piles up. */
const BATCH = 500

/** Tiny tasks through one app and one worker in this process, which must run with `--expose-gc` (S-1). */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-soak-'))
  try {
    return await soakIn(folder, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function soakIn(folder: string, options: SoakOptions): Promise<SoakReport> {
  const runner = new Runner(settingsOf(options, folder))
  await runner.worker.start()
  const begun = performance.now()
  await runner.runUntil(options.warmUp)
  const warm = await footprint(runner.ran)
  await runner.runUntil(options.tasks)
  const seconds = (performance.now() - begun) / 1000
  const end = await footprint(runner.ran)
  await runner[Symbol.asyncDispose]()
  return { ...options, warm, end, seconds }
}

function settingsOf({ broker, acksLate }: SoakOptions, folder: string): SettingsInput {
  return {
    brokerUrl: broker === 'memory' ? 'memory://' : `sqlite:///${join(folder, 'soak.db')}`,
    resultBackend: 'disabled://',
    resultSpoolPath: join(folder, 'spool'),
    durability: 'os',
    taskIgnoreResult: true,
    taskAcksLate: acksLate,
  }
}

class Runner implements AsyncDisposable {
  readonly app: App
  readonly worker: Worker
  readonly #sent: (number: number) => Promise<unknown>
  #arrived: (() => void) | undefined
  #wanted = 0
  ran = 0

  constructor(settings: SettingsInput) {
    this.app = new App('soak', settings)
    const tiny = this.app.task('soak.tiny', (_number: number) => this.#count())
    this.worker = new Worker(this.app, { name: 'soak@here', concurrency: 50 })
    this.#sent = number => this.app.publishMany(Array.from({ length: BATCH }, (_, i) => tiny.s(number + i)))
  }

  async runUntil(tasks: number): Promise<void> {
    while (this.ran < tasks) {
      this.#wanted = this.ran + BATCH
      const arrived = new Promise<void>(resolve => {
        this.#arrived = resolve
      })
      await this.#sent(this.ran)
      await arrived
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop('warm')
    await this.app[Symbol.asyncDispose]()
  }

  #count(): void {
    if (++this.ran === this.#wanted) this.#arrived?.()
  }
}

/** Acks of the last batch may still be under way, and garbage in need of a second look. */
async function footprint(tasks: number): Promise<Footprint> {
  for (let times = 0; times < 200; times++) await turn()
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.()
    await turn()
  }
  const { heapUsed, rss } = process.memoryUsage()
  const handles: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind !== 'Immediate') handles[kind] = (handles[kind] ?? 0) + 1
  }
  return { tasks, heap: heapUsed, resident: rss, handles }
}
