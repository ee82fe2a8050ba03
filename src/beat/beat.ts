import { backoff } from '../lib/backoff.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import type { Service } from '../lib/service.js'
import type { EpochMs, Ms, SteadyMs } from '../lib/time.js'
import type { BeatParts } from './beat-parts.js'
import { Desk } from './desk.js'
import { BeatStoreError } from './errors.js'
import { type BeatHealth, judgeBeat } from './health.js'
import { ASK_EVERY, LEASE, Lead, RENEW_EVERY } from './lead.js'

export interface BeatTimes {
  /** How long the lease of a leader lasts; default 30 s. */
  readonly lease?: Ms
  /** How often it is renewed; default 5 s. */
  readonly renewEvery?: Ms
  /** How often a spare asks; default 1 s. */
  readonly askEvery?: Ms
  /** Longest sleep; `beatMaxLoopInterval`. */
  readonly longestSleep?: Ms
  /** What ends with the beat, in this order. */
  readonly owned?: readonly AsyncDisposable[]
}

export interface BeatStatus {
  /** Undefined: another beat leads, or nobody. */
  readonly term: number | undefined
  /** Who leads, as far as this beat knows. */
  readonly leader: string | undefined
  /** Entries that are kept; 0 in a spare. */
  readonly entries: number
  readonly next: EpochMs | undefined
  /** When this beat last looked for what is due, or asked for the lead. */
  readonly lastTick: EpochMs | undefined
}

/** How often extensions are told of its ticks, at most. */
const TELL_EVERY: Ms = 1000

/**
 * Sends the tasks of a schedule when they are due. Any number may run: one leads, the others are spares that take over within the
 * lease when it dies, within a second when it stops (D90-D92).
 */
export class Beat implements Service {
  readonly #parts: BeatParts
  readonly #lead: Lead
  readonly #born: SteadyMs
  readonly #times: Required<BeatTimes>
  readonly #stop = new AbortController()
  #running: Promise<void> | undefined
  #desk: Desk | undefined
  #leader: string | undefined
  #lastTick: EpochMs | undefined
  #tickedAt: SteadyMs
  #toldAt: SteadyMs = Number.NEGATIVE_INFINITY
  /** When the store last answered. */
  #heardAt: SteadyMs | undefined
  #isOver = false

  constructor(parts: BeatParts, times: BeatTimes = {}) {
    this.#parts = parts
    this.#times = {
      lease: times.lease ?? LEASE,
      renewEvery: times.renewEvery ?? RENEW_EVERY,
      askEvery: times.askEvery ?? ASK_EVERY,
      longestSleep: times.longestSleep ?? Number.POSITIVE_INFINITY,
      owned: times.owned ?? [],
    }
    this.#born = parts.runtime.clock.steady()
    this.#tickedAt = this.#born
    this.#lead = new Lead(parts.runtime, parts.store, parts.holder, this.#times.lease)
  }

  get status(): BeatStatus {
    const desk = this.#desk
    return {
      term: this.#lead.term,
      leader: this.#leader,
      entries: desk?.entries ?? 0,
      next: desk?.next,
      lastTick: this.#lastTick,
    }
  }

  /** Whether it does its work, judged by its ticks. */
  get health(): BeatHealth {
    const { clock } = this.#parts.runtime
    const steady = clock.steady()
    return judgeBeat({
      ...this.status,
      mode: this.#isOver ? 'stopped' : this.#heardAt === undefined ? 'starting' : 'running',
      tickedAgo: steady - this.#tickedAt,
      unheardFor: steady - (this.#heardAt ?? this.#born),
      late: this.#desk?.late,
      now: clock.now(),
      lease: this.#times.lease,
    })
  }

  /** Resolves when the store has said who leads. Rejects with what of `BeatStoreError` is not transient. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => this.#stop.abort(), { once: true })
    const known = deferred<void>()
    this.#running ??= this.#run(known)
    await known.promise
  }

  /** Resolves when it has ended, after `dispose` or because the store cannot be used any more: then it rejects. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve()
  }

  /** What is being sent is finished; then another may lead at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running?.catch(() => {})
    this.#isOver = true
    for (const one of this.#times.owned) await one[Symbol.asyncDispose]()
  }

  async #run(known: Deferred<void>): Promise<void> {
    const { runtime, store } = this.#parts
    const { signal } = this.#stop
    const rule = { first: this.#times.askEvery, cap: this.#times.renewEvery }
    let attempt = 0
    try {
      while (!signal.aborted) {
        this.#tick()
        let pause: Ms
        try {
          pause = await this.#ask()
          this.#heardAt = runtime.clock.steady()
          attempt = 0
          known.resolve()
        } catch (error) {
          if (error instanceof BeatStoreError && !error.transient) throw error
          pause = backoff(attempt++, rule, runtime.random)
          runtime.log.warning(
            `Beat cannot reach ${store.url}: ${String(error)} Tried again in ${(pause / 1000).toFixed(1)} s.`,
          )
        }
        await runtime.clock.sleep(pause, signal).catch(() => {})
      }
    } catch (error) {
      known.reject(error)
      throw error
    } finally {
      known.resolve()
      await this.#leave()
      this.#isOver = true
    }
  }

  /** The answer: when to ask again. */
  async #ask(): Promise<Ms> {
    const { runtime } = this.#parts
    const answer = await this.#lead.ask()
    if (answer.kind === 'following') {
      if (this.#leader !== answer.leader) runtime.log.info(`Beat is a spare: ${answer.leader} leads.`)
      this.#leader = answer.leader
      await this.#closeDesk()
      return Math.min(this.#times.askEvery, Math.max(answer.left, 1))
    }
    // One whose trust had lapsed has ended, although nobody else has led meanwhile.
    if (this.#desk === undefined || this.#desk.ended || this.#desk.term !== answer.term) {
      await this.#closeDesk()
      this.#open(answer.term)
    }
    return this.#times.renewEvery
  }

  /** What it takes to read a long schedule must not keep the lead from being renewed. */
  #open(term: number): void {
    const { runtime, holder } = this.#parts
    const from = this.#leader
    this.#leader = holder
    if (from === undefined || from === holder) runtime.log.info(`Beat leads, term ${term}.`)
    else runtime.log.warning(`Beat takes over from ${from}, term ${term}.`)
    const desk = new Desk(this.#parts, this.#lead, term, this.#times.longestSleep)
    this.#desk = desk
    void desk.work(() => this.#tick()).catch(error => runtime.log.error(`Beat: ${String(error)} It begins anew.`))
  }

  /** Exported, so that one who stands still is seen (H61). */
  #tick(): void {
    const { clock, host } = this.#parts.runtime
    this.#lastTick = clock.now()
    this.#tickedAt = clock.steady()
    if (this.#tickedAt - this.#toldAt < TELL_EVERY) return
    this.#toldAt = this.#tickedAt
    const { term, entries } = this.status
    const late = this.#desk?.late
    const fields = {
      beat: `${host.pid}@${host.name}`,
      tick: this.#lastTick,
      leads: term !== undefined,
      entries,
      late: late === undefined ? 0 : Math.max(0, this.#lastTick - late.since),
    }
    this.#parts.observe({ type: 'beat-looked', fields })
  }

  async #closeDesk(): Promise<void> {
    const desk = this.#desk
    this.#desk = undefined
    await desk?.close()
  }

  async #leave(): Promise<void> {
    await this.#closeDesk()
    await this.#lead
      .resign()
      .catch(error => this.#parts.runtime.log.warning(`Beat could not give up its lead: ${String(error)}`))
  }
}
