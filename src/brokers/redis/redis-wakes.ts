import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import { turnEnded } from '../../lib/node-turn.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { RedisKeys } from './redis-keys.js'
import type { Scripts } from './scripts.js'

/** Looks at all lists: after 5 ms, doubling to 250 ms (D38). */
const LOOK_FIRST: Ms = 5
const LOOK_LAST: Ms = 250
/** How long the server holds a peek, in seconds. */
const PEEK_S = 1
/** After a peek that failed, on a list that is none. */
const PEEK_PAUSE: Ms = 1000
/** After a peek that led to nothing, as did the one before: what nobody can claim would be seen again at once. */
const VAIN_PAUSE: Ms = 1

export interface RedisWakesParts {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly scripts: Scripts
  readonly clock: Clock
  /** A connection of its own for peeking, since it blocks. */
  openPeek(): Promise<RedisConnection>
}

interface Sleeper {
  readonly lists: readonly string[]
  /** Woken by `ring` alone. */
  readonly rungOnly: boolean
  readonly bell: Deferred<void>
  timer: Disposable | undefined
}

/**
 * Waits for work without taking it (D38).
 *
 * `BLMOVE list list RIGHT RIGHT` blocks until there is something in the list and leaves it as it was: a peek at the list
 * that was busiest lately, answered within a network's delay. Every other list, and what is delayed, is looked at by
 * polling: idle, that is at most five commands a second in all. Servers that have no `BLMOVE` are only polled.
 */
export class RedisWakes {
  readonly #parts: RedisWakesParts
  readonly #sleepers = new Set<Sleeper>()
  #busiest: string | undefined
  #peek: Promise<RedisConnection> | undefined
  #peeking = false
  #peeks = true
  /** No claim has found anything since a peek did: another worker was faster, or it is something that cannot be claimed. */
  #inVain = false
  #ended = false

  constructor(parts: RedisWakesParts) {
    this.#parts = parts
  }

  wait(lists: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#sleep({ lists, rungOnly: false, bell: deferred(), timer: undefined }, signal)
  }

  /** For queues whose messages come by subscription: looking into their lists would be in vain. */
  waitForRing(lists: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#sleep({ lists, rungOnly: true, bell: deferred(), timer: undefined }, signal)
  }

  /** The list that gave messages last. */
  busy(list: string): void {
    this.#busiest = list
    this.#inVain = false
  }

  async #sleep(sleeper: Sleeper, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#ended) return
    const rise = (): void => sleeper.bell.resolve()
    signal.addEventListener('abort', rise, { once: true })
    this.#sleepers.add(sleeper)
    this.#parts.connection.keepAlive(true)
    if (!sleeper.rungOnly) {
      this.#lookAfter(sleeper, LOOK_FIRST)
      void this.#peekAt()
    }
    try {
      await sleeper.bell.promise
    } finally {
      sleeper.timer?.[Symbol.dispose]()
      this.#sleepers.delete(sleeper)
      signal.removeEventListener('abort', rise)
      if (this.#sleepers.size === 0) this.#parts.connection.keepAlive(false)
    }
  }

  /** Something may have come to one of these lists. */
  ring(lists?: readonly string[]): void {
    for (const sleeper of this.#sleepers) {
      if (lists === undefined || lists.some(list => sleeper.lists.includes(list))) sleeper.bell.resolve()
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    this.ring()
    const peek = await this.#peek?.catch(() => undefined)
    await peek?.[Symbol.asyncDispose]()
  }

  /** Polls for one sleeper until it wakes. */
  #lookAfter(sleeper: Sleeper, pause: Ms): void {
    sleeper.timer = this.#parts.clock.timer(pause, () => void this.#look(sleeper, pause))
  }

  async #look(sleeper: Sleeper, paused: Ms): Promise<void> {
    const { connection, keys, scripts } = this.#parts
    try {
      const answer = await connection.run('waiting for messages', scripts.look, [keys.delayed, ...sleeper.lists], [])
      const due = Number(answer)
      const pause = Math.min(paused * 2, LOOK_LAST)
      if (due === 0) sleeper.bell.resolve()
      else if (this.#sleepers.has(sleeper)) this.#lookAfter(sleeper, due > 0 ? Math.min(pause, due) : pause)
    } catch {
      // The session ends with its connection; whatever else it was, the next claim will say it.
      sleeper.bell.resolve()
    }
  }

  /** Peeks for all sleepers, one list at a time. */
  async #peekAt(): Promise<void> {
    if (this.#peeking || !this.#peeks) return
    this.#peeking = true
    try {
      while (this.#choose() !== undefined && !this.#ended) await this.#peekOnce()
    } finally {
      this.#peeking = false
    }
  }

  async #peekOnce(): Promise<void> {
    const list = this.#choose()
    if (list === undefined) return
    try {
      this.#peek ??= this.#parts.openPeek()
      const connection = await this.#peek
      const found = await connection.call('waiting for messages', 'blmove', [list, list, 'RIGHT', 'RIGHT', PEEK_S])
      if (found !== null) await this.#wakeUp(list)
    } catch (error) {
      this.#peeks = !/unknown command/i.test(String(error))
      if (!this.#peeks || this.#ended) return
      await this.#parts.clock.sleep(PEEK_PAUSE)
      const peek = await this.#peek?.catch(() => undefined)
      if (peek?.open !== true) this.#peek = undefined
    }
  }

  /** Whoever is woken has risen at the end of the turn, and claims before it sleeps again. */
  async #wakeUp(list: string): Promise<void> {
    this.ring([list])
    const before = this.#inVain
    this.#inVain = true
    if (before) await this.#parts.clock.sleep(VAIN_PAUSE)
    else await turnEnded()
  }

  #choose(): string | undefined {
    const busiest = this.#busiest
    let first: string | undefined
    for (const { lists, rungOnly } of this.#sleepers) {
      if (rungOnly) continue
      if (busiest !== undefined && lists.includes(busiest)) return busiest
      first ??= lists[0]
    }
    return first
  }
}
