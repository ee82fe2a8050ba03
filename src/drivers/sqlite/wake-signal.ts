import { closeSync, constants, type FSWatcher, openSync, watch, writeSync } from 'node:fs'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Database } from './database.js'

/** Without any hint the file is asked this often: at first, and at most. */
const POLL_FIRST: Ms = 25
const POLL_LAST: Ms = 250

/**
 * How sessions of one SQLite file wake each other, within and across processes.
 *
 * Whoever commits something worth waking for touches `<file>-wake`; sleepers watch that file through the kernel
 * (inotify on Linux), which takes well under a millisecond. That is only a hint: the guarantee is a look at
 * `PRAGMA data_version` every 25 ms, growing to 250 ms while nothing happens, because a watch may be missing, full, or
 * lost with the file.
 */
export class WakeSignal {
  readonly #db: Database
  readonly #clock: Clock
  readonly #path: string | undefined
  readonly #watchers = new Set<() => void>()
  #descriptor: number | undefined
  #file: FSWatcher | undefined
  #timer: Disposable | undefined
  #pause: Ms = POLL_FIRST
  /** As last seen; undefined: never. */
  #version: string | undefined

  /** `path`: of the signal's file; undefined: poll only. */
  constructor(db: Database, clock: Clock, path: string | undefined) {
    this.#db = db
    this.#clock = clock
    this.#path = path
  }

  /** Wakes every watcher of this file. Never throws: the poll is the guarantee. */
  touch(): void {
    if (this.#path !== undefined) {
      try {
        this.#descriptor ??= openSync(this.#path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
        writeSync(this.#descriptor, '.', 0)
      } catch {
        this.#forget()
      }
    }
    // The kernel tells us of our own touch as well, but later, and only while it watches.
    this.#hint()
  }

  watch(hint: () => void): Disposable {
    this.#watchers.add(hint)
    if (this.#watchers.size === 1) this.#begin()
    return {
      [Symbol.dispose]: () => {
        if (this.#watchers.delete(hint) && this.#watchers.size === 0) this.#end()
      },
    }
  }

  close(): void {
    this.#watchers.clear()
    this.#end()
    this.#file?.close()
    this.#file = undefined
    this.#forget()
  }

  #begin(): void {
    this.#version = this.#versionNow()
    this.#pause = POLL_FIRST
    this.#listen()
    this.#arm()
  }

  /** Undefined when the file cannot be asked now: the first poll that can will hint. */
  #versionNow(): string | undefined {
    try {
      return this.#db.dataVersion()
    } catch {
      return undefined
    }
  }

  #end(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  /** The kernel's watch stays once begun: setting it up costs more than an idle one. */
  #listen(): void {
    if (this.#path === undefined || this.#file !== undefined) return
    try {
      this.#descriptor ??= openSync(this.#path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
      this.#file = watch(this.#path, { persistent: false }, () => this.#hint())
      this.#file.on('error', () => this.#unlisten())
    } catch {
      this.#unlisten()
    }
  }

  #unlisten(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #arm(): void {
    this.#timer = this.#clock.timer(this.#pause, () => this.#poll())
  }

  #poll(): void {
    const version = this.#db.dataVersion()
    const changed = version !== this.#version
    this.#version = version
    this.#pause = changed ? POLL_FIRST : Math.min(this.#pause * 2, POLL_LAST)
    if (changed) this.#hint()
    if (this.#watchers.size > 0) this.#arm()
  }

  #hint(): void {
    for (const hint of [...this.#watchers]) hint()
  }

  #forget(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}
