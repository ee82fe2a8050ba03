import { App } from '../src/app/app.js'
import type { SettingsInput } from '../src/app/settings.js'
import type { Task } from '../src/app/task.js'
import { Meter } from './meter.js'
import type { Sample } from './row.js'

export type Noop = Task<[a: number, b: number], void>

/** An app whose only task does nothing but tell that it ran. */
export interface NoopApp {
  readonly app: App
  readonly noop: Noop
  /** Resolves when the task has run so many times from now on. */
  runs(count: number): Promise<Sample>
}

export function noopApp(settings: SettingsInput): NoopApp {
  const app = new App('bench', { taskAcksLate: true, workerPrefetchMultiplier: 4, ...settings })
  let meter: Meter | undefined
  const noop = app.task('bench.noop', (_a: number, _b: number) => meter?.ran())
  const runs = (count: number): Promise<Sample> => {
    meter = new Meter(count)
    return meter.done
  }
  return { app, noop, runs }
}

/** Messages published at a time when a queue is filled, by everybody. */
export const BULK = 1000

export async function publish({ app, noop }: NoopApp, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += BULK) {
    await app.publishMany(Array.from({ length: Math.min(BULK, count - sent) }, (_, i) => noop.s(sent, i)))
  }
}

/** Seconds that `act` took. */
export async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await act()
  return (performance.now() - started) / 1000
}
