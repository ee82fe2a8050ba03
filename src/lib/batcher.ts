import { type Deferred, deferred } from './deferred.js'
import { endOfTurn } from './node-turn.js'

/** Whether a question was already on its way when it was given up. */
export type Phase = 'waiting' | 'under-way'

export interface BatcherOptions<Q, Raw, A> {
  /** Questions per batch at most. */
  readonly maxCount: number
  /** Summed `weigh` per batch at most. Default: no limit. */
  readonly maxWeight?: number
  weigh?(question: Q): number
  /** One answer per question, in their order. A rejection gives up the whole batch. */
  send(questions: readonly Q[]): Promise<readonly Raw[]>
  /** What the asker hears. Runs for every answer, also when the asker has given up meanwhile. */
  answer(question: Q, raw: Raw): A | Promise<A>
  /** What the asker gets for a question that has no answer. */
  abandoned(phase: Phase, cause: unknown): Promise<A>
}

interface Asked<Q, A> {
  readonly question: Q
  resolve(answer: A | Promise<A>): void
  settled: boolean
}

/**
 * Collects what one turn of the event loop asks for and asks the store once.
 *
 * The first question of a turn schedules a flush behind all microtasks of the turn; whatever is asked until then goes
 * along. One batch is under way at a time: questions that come meanwhile wait and leave together, so a slow
 * store sees few big batches instead of many small ones, and order is kept. A batch is cut at `maxCount` or `maxWeight`
 * (L20); a single heavier question travels alone.
 */
export class Batcher<Q, Raw, A> {
  readonly #options: BatcherOptions<Q, Raw, A>
  #waiting: Asked<Q, A>[] = []
  #underWay: readonly Asked<Q, A>[] = []
  #scheduled = false
  #ended: { readonly cause: unknown } | undefined
  #drained: Deferred<void> | undefined

  constructor(options: BatcherOptions<Q, Raw, A>) {
    this.#options = options
  }

  ask(question: Q, signal?: AbortSignal): Promise<A> {
    if (this.#ended !== undefined) return this.#options.abandoned('waiting', this.#ended.cause)
    if (signal?.aborted) return this.#options.abandoned('waiting', signal.reason)
    return new Promise(resolve => {
      const asked: Asked<Q, A> = { question, resolve, settled: false }
      this.#waiting.push(asked)
      if (signal !== undefined) this.#heed(asked, signal)
      this.#schedule()
    })
  }

  /** Resolves when nothing waits and nothing is under way. */
  drain(): Promise<void> {
    if (this.#waiting.length === 0 && this.#underWay.length === 0) return Promise.resolve()
    this.#drained ??= deferred()
    return this.#drained.promise
  }

  /** Gives up everything that waits or is under way, and every later question. */
  end(cause: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { cause }
    const underWay = this.#underWay
    const waiting = this.#waiting
    this.#underWay = []
    this.#waiting = []
    for (const asked of underWay) this.#abandon(asked, 'under-way', cause)
    for (const asked of waiting) this.#abandon(asked, 'waiting', cause)
    this.#rest()
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay.length > 0) return
    this.#scheduled = true
    endOfTurn(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#cut()
    if (batch.length === 0) return this.#rest()
    this.#underWay = batch
    try {
      const answers = await this.#options.send(batch.map(asked => asked.question))
      if (this.#underWay !== batch) return
      for (let i = 0; i < batch.length; i++) this.#answer(batch[i] as Asked<Q, A>, answers[i] as Raw)
    } catch (cause) {
      if (this.#underWay !== batch) return
      for (const asked of batch) this.#abandon(asked, 'under-way', cause)
    }
    this.#underWay = []
    if (this.#waiting.length > 0) this.#schedule()
    else this.#rest()
  }

  /** Takes the next batch off the waiting list; questions given up meanwhile drop out. */
  #cut(): readonly Asked<Q, A>[] {
    const { maxCount, maxWeight = Number.POSITIVE_INFINITY } = this.#options
    const waiting = this.#waiting
    const batch: Asked<Q, A>[] = []
    let weight = 0
    let at = 0
    for (; at < waiting.length && batch.length < maxCount; at++) {
      const asked = waiting[at] as Asked<Q, A>
      if (asked.settled) continue
      weight += this.#options.weigh?.(asked.question) ?? 0
      if (weight > maxWeight && batch.length > 0) break
      batch.push(asked)
    }
    this.#waiting = at === waiting.length ? [] : waiting.slice(at)
    return batch
  }

  #answer(asked: Asked<Q, A>, raw: Raw): void {
    const answer = this.#options.answer(asked.question, raw)
    if (asked.settled) {
      // Whoever asked was told something else already; a rejection must not go unhandled.
      if (answer instanceof Promise) answer.catch(() => {})
      return
    }
    asked.settled = true
    asked.resolve(answer)
  }

  #abandon(asked: Asked<Q, A>, phase: Phase, cause: unknown): void {
    if (asked.settled) return
    asked.settled = true
    asked.resolve(this.#options.abandoned(phase, cause))
  }

  #heed(asked: Asked<Q, A>, signal: AbortSignal): void {
    const abort = (): void =>
      this.#abandon(asked, this.#underWay.includes(asked) ? 'under-way' : 'waiting', signal.reason)
    const resolve = asked.resolve
    asked.resolve = answer => {
      signal.removeEventListener('abort', abort)
      resolve(answer)
    }
    signal.addEventListener('abort', abort, { once: true })
  }

  #rest(): void {
    const drained = this.#drained
    this.#drained = undefined
    drained?.resolve()
  }
}
