import type { App } from '../app/app.js'
import { parseHealthAddress } from '../app/health-address.js'
import { healthPage } from '../app/health-pages.js'
import { serveHttpPages } from '../drivers/http-pages.js'
import { beatParts } from './app-beat.js'
import { Beat } from './beat.js'
import { openDjango } from './django/open-django.js'
import { ASK_EVERY } from './lead.js'
import { openBeatStore } from './open-beat-store.js'
import { ScheduleBook } from './schedule-book.js'

export interface StartBeatOptions {
  /** Gives up starting; later it stops the beat. */
  readonly signal?: AbortSignal
  /** Longest sleep, ms; default: the setting `beatMaxLoopInterval`. */
  readonly maxInterval?: number | undefined
  /** Where `/livez`, `/readyz` and `/metrics` are answered: a port of this machine, or `host:port`. Default: the setting `beatHealth`. */
  readonly health?: string | undefined
}

/**
 * Starts a beat in this process: it sends the schedule of this app, or is a spare while another beat does. Disposing stops it.
 * Rejects with `ConfigError` and `BeatStoreError`.
 */
export async function startBeat(app: App, options: StartBeatOptions = {}): Promise<Beat> {
  const { beatMaxLoopInterval } = app.settings
  const longest = options.maxInterval ?? (beatMaxLoopInterval > 0 ? beatMaxLoopInterval : undefined)
  const store = await openBeatStore(app)
  const lease = Math.max(1000, app.settings.beatLeaseTime)
  const django = await openDjango(app)
  const owned: AsyncDisposable[] = django === undefined ? [store] : [store, django]
  const beat = new Beat(beatParts(app, store, django), {
    owned,
    lease,
    renewEvery: lease / 6,
    askEvery: Math.min(ASK_EVERY, lease / 6),
    ...(longest === undefined ? {} : { longestSleep: longest }),
  })
  try {
    // Before it starts: whoever asks is told that it does.
    const health = options.health ?? app.settings.beatHealth
    if (health !== undefined) owned.push(await serveHealth(app, beat, health))
    await beat.start(options.signal ?? new AbortController().signal)
  } catch (error) {
    await beat[Symbol.asyncDispose]()
    throw error
  }
  return beat
}

async function serveHealth({ runtime, extensions }: App, beat: Beat, address: string): Promise<AsyncDisposable> {
  const { host, port } = parseHealthAddress(address)
  const name = `${runtime.host.pid}@${runtime.host.name}`
  const parts = { role: 'beat', name, extensions, health: () => beat.health } as const
  const pages = await serveHttpPages(host, port, path => healthPage(path, parts))
  runtime.log.info(`Health is told at ${pages.url}/livez and /readyz, metrics at /metrics.`)
  return pages
}

/** The schedule of this app, for looking at it and changing it. Dispose it. Rejects with `ConfigError`. */
export async function openSchedule(app: App): Promise<ScheduleBook> {
  const django = await openDjango(app)
  return new ScheduleBook(beatParts(app, await openBeatStore(app), django))
}
