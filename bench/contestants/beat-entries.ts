import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { startBeat } from '../../src/beat/start-beat.js'
import type { Contestant, Sample } from '../row.js'

/** Entries that are due, four times a second each; all others are due once a month. */
const DUE = 50
const WATCHED_RUNS = 400

/** A beat with so many entries over a SQLite file, broker in memory. Its second start finds what is remembered of each entry. */
export function beatEntries(entries: number): Contestant {
  return {
    name: `lovage, a beat of ${entries} entries`,
    run: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'lovage-bench-beat-'))
      try {
        const first = await watched(entries, folder)
        const again = await watched(entries, folder)
        return {
          first: first['start'] ?? 0,
          start: again['start'] ?? 0,
          cpu: again['cpu'] ?? 0,
          heap: again['heap'] ?? 0,
        }
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  }
}

async function watched(entries: number, folder: string): Promise<Sample> {
  const settings = {
    brokerUrl: 'memory://',
    resultBackend: 'disabled',
    beatStoreUrl: `sqlite:///${join(folder, 'beat.db')}`,
  }
  const heapBefore = heap()
  await using app = new App('bench', { ...settings, beatSchedule: schedule(entries) }, { environment: {} })
  let runs = 0
  let wake = (): void => undefined
  app.use({
    name: 'count',
    observe: ({ type }) => {
      if (type === 'beat-sent' && ++runs % WATCHED_RUNS === 0) wake()
    },
  })
  const watchedRuns = (): Promise<void> =>
    new Promise(resolve => {
      wake = resolve
    })
  const starting = process.cpuUsage()
  await using beat = await startBeat(app)
  while (beat.status.entries < entries || beat.status.next === undefined) await pause(5)
  const start = spent(starting) / 1000
  const held = heap() - heapBefore
  await watchedRuns()
  const sending = process.cpuUsage()
  await watchedRuns()
  return { start, cpu: spent(sending) / WATCHED_RUNS, heap: held / 2 ** 20 }
}

function schedule(entries: number): Record<string, unknown> {
  return Object.fromEntries(
    Array.from({ length: entries }, (_, i) => [
      `entry ${i}`,
      { task: 'bench.noop', args: [i], schedule: i < DUE ? 0.25 : `${i % 60} ${i % 24} ${1 + (i % 28)} * *` },
    ]),
  )
}

/** Microseconds of all threads. */
function spent(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
