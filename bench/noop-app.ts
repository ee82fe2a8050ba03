import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from '../src/app/app.js'
import type { SettingsInput } from '../src/app/settings.js'
import type { Task } from '../src/app/task.js'

export type Noop = Task<[a: number, b: number], void>

/** An app whose only task does nothing but tell that it ran. */
export interface NoopApp {
  readonly app: App
  readonly noop: Noop
  /** Resolves when the task has run so many times from now on; `ran` is called with each. */
  runs(count: number): Promise<void>
}

export function noopApp(settings: SettingsInput): NoopApp {
  const app = new App('bench', { taskAcksLate: true, workerPrefetchMultiplier: 4, ...settings })
  let left = 0
  let done: () => void = () => undefined
  const noop = app.task('bench.noop', (_a: number, _b: number) => {
    if (--left === 0) done()
  })
  const runs = (count: number): Promise<void> => {
    left = count
    return new Promise(resolve => {
      done = resolve
    })
  }
  return { app, noop, runs }
}

const BULK = 1000

export async function publish({ app, noop }: NoopApp, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += BULK) {
    await app.publishMany(Array.from({ length: Math.min(BULK, count - sent) }, (_, i) => noop.s(sent, i)))
  }
}

export async function inFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = newFolder()
  try {
    return await act(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'lovage-bench-'))
}

export function sqliteUrl(folder: string): string {
  return `sqlite:///${join(folder, 'bench.db')}`
}

/** Seconds that `act` took. */
export async function timed(act: () => Promise<unknown>): Promise<number> {
  return (await measured(act)).seconds
}

export interface Measured {
  readonly seconds: number
  /** CPU time of all threads of this process, microseconds: hardly moved by what else the machine does. */
  readonly cpu: number
}

export async function measured(act: () => Promise<unknown>): Promise<Measured> {
  const before = process.cpuUsage()
  const started = performance.now()
  await act()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  return { seconds, cpu: user + system }
}
