import { BoundedMap } from '../lib/bounded-map.js'
import type { Clock } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Outcome } from '../pools/pool.js'
import type { Discard } from './admission.js'
import type { Running } from './running.js'
import { settleDiscard } from './settle.js'
import type { Decide, Teller } from './teller.js'
import { condemnAll, requeueAll } from './verdicts.js'

export interface CustodyParts {
  readonly clock: Pick<Clock, 'steady'>
  readonly teller: Pick<Teller, 'tell'>
  /** It is not held any more. */
  left(running: Running): void
}

/** What is remembered of attempts that ended here (D46). */
const FINISHED = Object.freeze({ max: 10_000, ttl: 3_600_000 })

/**
 * What this worker has in its hands, from admission to the last effect, and what it has finished. Whatever enters leaves with a
 * verdict on its deliveries, or because its connection is gone.
 */
export class Custody {
  readonly #parts: CustodyParts
  readonly #held = new Map<string, Running>()
  /** With the name of the message that was run, where it had one. */
  readonly #finished: BoundedMap<string, string | null> = new BoundedMap(FINISHED)

  constructor(parts: CustodyParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#held.size
  }

  values(): Iterable<Running> {
    return this.#held.values()
  }

  find(key: string): Running | undefined {
    return this.#held.get(key)
  }

  enter(running: Running): void {
    this.#held.set(running.key, running)
  }

  /** What this worker knows of the same attempt. */
  knows(running: Running): 'running' | 'finished' | 'unknown' {
    const present = this.#held.get(running.key)
    if (present !== undefined && present !== running) return 'running'
    const finished = this.#finished.get(running.key, this.#parts.clock.steady())
    if (finished === undefined) return 'unknown'
    // Somebody uses an id again: another message, no second copy of the one that was run. Without a name nobody can tell.
    const own = messageIdOf(running)
    return own === undefined || own === finished ? 'finished' : 'unknown'
  }

  forget(running: Running): void {
    this.#parts.left(running)
    if (this.#held.get(running.key) === running) this.#held.delete(running.key)
  }

  /** Back to the queue uncounted: nothing was begun. */
  async giveBack(running: Running, delay?: Ms): Promise<void> {
    running.verdict = 'requeue'
    this.forget(running)
    await requeueAll(running.deliveries, { counted: false, delay })
  }

  /** A worker that dies while it refuses a poison message must not make it look as if it had only waited there. */
  async discard(running: Running, why: Discard): Promise<void> {
    this.enter(running)
    if (why.kind === 'poison' && !(await condemnAll(running.deliveries)).includes('settled')) {
      this.forget(running)
      return
    }
    await this.finish(running, context => settleDiscard(why, context))
  }

  /** Performs what was decided about a delivery, and what becomes of it then. `outcome`: of its execution, if there was one. */
  async finish(running: Running, decide: Decide, outcome?: Outcome): Promise<void> {
    this.enter(running)
    try {
      const performed = await this.#parts.teller.tell(running, decide, outcome)
      if (performed.kind === 'done' && running.verdict === 'ack') {
        this.#finished.set(running.key, messageIdOf(running) ?? null, this.#parts.clock.steady())
      }
    } finally {
      // An end without a verdict: what was adopted meanwhile would be held by nobody for ever.
      if (running.verdict === undefined) await this.giveBack(running)
      else this.forget(running)
    }
  }
}

function messageIdOf({ request }: Running): string | undefined {
  return request.message.properties.messageId
}
