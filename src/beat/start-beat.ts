import type { App } from '../app/app.js'
import { beatParts } from './app-beat.js'
import { Beat } from './beat.js'
import { ASK_EVERY } from './lead.js'
import { openBeatStore } from './open-beat-store.js'
import { ScheduleBook } from './schedule-book.js'

export interface StartBeatOptions {
  /** Gives up starting; later it stops the beat. */
  readonly signal?: AbortSignal
  /** Longest sleep, ms; default: the setting `beatMaxLoopInterval`. */
  readonly maxInterval?: number | undefined
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
  const beat = new Beat(beatParts(app, store), {
    closeStore: true,
    lease,
    renewEvery: lease / 6,
    askEvery: Math.min(ASK_EVERY, lease / 6),
    ...(longest === undefined ? {} : { longestSleep: longest }),
  })
  try {
    await beat.start(options.signal ?? new AbortController().signal)
  } catch (error) {
    await beat[Symbol.asyncDispose]()
    throw error
  }
  return beat
}

/** The schedule of this app, for looking at it and changing it. Dispose it. Rejects with `ConfigError`. */
export async function openSchedule(app: App): Promise<ScheduleBook> {
  return new ScheduleBook(beatParts(app, await openBeatStore(app)))
}
