import type { LimitAnswer, LimitAsk, LimitRequest, PlaceNames } from '../brokers/limits/limit-store.js'
import { Heap } from '../lib/heap.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { TaskName } from '../protocol/ids.js'
import { Alarm } from './alarm.js'
import { type LimitTerms, termsWait } from './limit-terms.js'
import type { Running } from './running.js'

export interface GateParts {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  /** One step at the store. Rejects when it cannot be reached: then nobody passes, and it is asked again. */
  limit(request: LimitRequest): Promise<readonly LimitAnswer[]>
  /** Longest wait here for a place. */
  readonly waitMost: Ms
  /** Slots that nobody runs in or waits for. */
  free(): number
  /** It has its turn. */
  pass(running: Running): void
  /** Its turn is so far off: true when it has left, to come again. */
  far(running: Running, wait: Ms): boolean
}

interface Waiter {
  readonly running: Running
  readonly line: Line
  /** Names its turn at the store. */
  readonly name: number
  readonly since: SteadyMs
}

interface Line {
  readonly terms: LimitTerms
  readonly task: TaskName
  readonly waiting: Map<Running, Waiter>
  /** When those come back that were sent away. */
  readonly away: Heap<SteadyMs>
  /** Before that it is of no use to ask. */
  notBefore: SteadyMs
  /** Next pause when all places are taken. */
  pause: Ms
}

interface Asked {
  readonly line: Line
  readonly waiters: readonly Waiter[]
}

/** Most turns that one line asks for in one step. */
const ASK_MOST = 100
/** Nobody tells when a place is free elsewhere: it is looked at after this, doubling up to the longest. */
const PAUSE_FIRST: Ms = 50
const PAUSE_MOST: Ms = 1000
/** Pause after the store could not be asked. */
const TROUBLE_PAUSE: Ms = 1000
/** What an execution is taken to last before one has ended. */
const FIRST_MEAN: Ms = 1000
const MAX_AWAY = 10_000

/**
 * Where deliveries wait for limits that are counted in a store: windows, and places of which there are so many in the cluster.
 * A line for each limit and key; the lines take turns in asking. A turn is asked for when there is a slot for it, so that
 * whoever has one begins at once. One step at the store at a time carries everything: places given back, places of what runs
 * since before the connection was lost, and what is asked for.
 */
export class Gate implements Disposable {
  readonly #parts: GateParts
  readonly #lines = new Map<string, Line>()
  readonly #waiters = new Map<Running, Waiter>()
  /** Executions with a place, and since when. */
  readonly #held = new Map<Running, Waiter & { readonly begun: SteadyMs }>()
  readonly #means = new Map<TaskName, Ms>()
  readonly #alarm: Alarm<undefined>
  #done: PlaceNames[] = []
  #kept: PlaceNames[] = []
  #names = 0
  #asked = 0
  #asking = false
  #troubled = false
  #pause: Disposable | undefined
  #ended = false

  constructor(parts: GateParts) {
    this.#parts = parts
    this.#alarm = new Alarm(parts.runtime.clock, 'steady', () => this.look())
  }

  get size(): number {
    return this.#waiters.size
  }

  /** Turns that are being asked for: a slot is kept for each. */
  get asked(): number {
    return this.#asked
  }

  has(running: Running): boolean {
    return this.#waiters.has(running)
  }

  get waiting(): Iterable<Running> {
    return this.#waiters.keys()
  }

  /** How long a newcomer would wait, as far as this worker can know. */
  turn(task: TaskName, terms: LimitTerms, returning: boolean): Ms {
    const line = this.#lines.get(terms.line)
    if (line === undefined) return 0
    const now = this.#now()
    for (let next = line.away.peek(); next !== undefined && next <= now; next = line.away.peek()) line.away.pop()
    const before = line.waiting.size + (returning ? 0 : line.away.size)
    return Math.max(0, line.notBefore - now) + termsWait(terms, before, this.#means.get(task) ?? FIRST_MEAN)
  }

  enter(running: Running, terms: LimitTerms): void {
    const line = this.#line(running.request.task, terms)
    const waiter: Waiter = { running, line, name: ++this.#names, since: this.#now() }
    line.waiting.set(running, waiter)
    this.#waiters.set(running, waiter)
    this.look()
  }

  /** It was given back to its queue, to come again after that. */
  sentAway(task: TaskName, terms: LimitTerms, delay: Ms): void {
    const { away } = this.#line(task, terms)
    if (away.size < MAX_AWAY) away.push(this.#now() + delay)
  }

  leave(running: Running): void {
    this.#waiters.get(running)?.line.waiting.delete(running)
    this.#waiters.delete(running)
  }

  /** Everybody who waits leaves; who they were. Those who run keep their places. */
  clear(): readonly Running[] {
    const waiting = [...this.#waiters.keys()]
    for (const line of this.#lines.values()) line.waiting.clear()
    this.#waiters.clear()
    return waiting
  }

  /** Its execution has ended, or never began: its place is free. */
  ended(running: Running): void {
    // Most workers have none.
    const held = this.#held.size === 0 ? undefined : this.#held.get(running)
    if (held === undefined) return
    this.#held.delete(running)
    const { task } = held.line
    const mean = this.#means.get(task) ?? FIRST_MEAN
    this.#means.set(task, mean + (this.#now() - held.begun - mean) / 4)
    this.#giveBack(held)
    held.line.notBefore = Math.min(held.line.notBefore, this.#now())
    this.look()
  }

  /** There is another session at the store: it holds the places of what still runs. */
  resumed(): void {
    this.#kept = [...this.#held.values()].flatMap(({ line, name }) =>
      line.terms.places === undefined ? [] : [{ key: line.terms.places.key, names: [name] }],
    )
    for (const line of this.#lines.values()) line.notBefore = this.#now()
    this.look()
  }

  /** A slot is free, a line has waited long enough, or there is something to tell. */
  look(): void {
    if (this.#asking || this.#ended) return
    if (this.#waiters.size + this.#done.length + this.#kept.length === 0) return
    const { asked, next } = this.#choose()
    if (asked.length + this.#done.length + this.#kept.length > 0) void this.#ask(asked)
    else if (next !== undefined) this.#wakeAt(next)
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#alarm[Symbol.dispose]()
    this.#pause?.[Symbol.dispose]()
  }

  /** Who asks now; when the next line may, if there is a slot for it. */
  #choose(): { readonly asked: readonly Asked[]; readonly next: SteadyMs | undefined } {
    const asked: Asked[] = []
    const now = this.#now()
    let free = this.#parts.free()
    let next: SteadyMs | undefined
    for (const [key, line] of [...this.#lines]) {
      if (line.waiting.size === 0) {
        this.#dropIdle(key, line, now)
        continue
      }
      if (free <= 0) break
      if (line.notBefore > now) {
        next = Math.min(next ?? line.notBefore, line.notBefore)
        continue
      }
      const waiters = [...line.waiting.values()].slice(0, Math.min(free, ASK_MOST))
      free -= waiters.length
      asked.push({ line, waiters })
      // The next time others come first.
      this.#lines.delete(key)
      this.#lines.set(key, line)
    }
    return { asked, next }
  }

  async #ask(asked: readonly Asked[]): Promise<void> {
    const done = this.#done
    const kept = this.#kept
    this.#done = []
    this.#kept = []
    this.#asking = true
    this.#asked = asked.reduce((sum, { waiters }) => sum + waiters.length, 0)
    try {
      const answers = await this.#parts.limit({ done, kept, asks: asked.map(askOf) })
      this.#recovered()
      for (const [index, one] of asked.entries()) {
        this.#asked -= one.waiters.length
        this.#answered(one, answers[index] ?? { granted: 0, wait: undefined })
      }
      this.#asking = false
      this.look()
    } catch (error) {
      this.#asked = 0
      this.#trouble(error, done, kept)
    }
  }

  #answered({ line, waiters }: Asked, { granted, wait }: LimitAnswer): void {
    const now = this.#now()
    for (const waiter of waiters.slice(0, granted)) this.#grant(waiter, now)
    if (granted > 0) line.pause = PAUSE_FIRST
    if (granted === waiters.length) return
    line.notBefore = now + (wait ?? line.pause)
    if (wait === undefined) line.pause = Math.min(PAUSE_MOST, line.pause * 2)
    this.#sendAway(line, wait, now)
  }

  /** Those behind one whose turn is near have to be near as well. */
  #sendAway(line: Line, wait: Ms | undefined, now: SteadyMs): void {
    for (const { running, since } of [...line.waiting.values()]) {
      const tooLong = now - since > this.#parts.waitMost
      const far = Math.max(wait ?? 0, tooLong ? this.#parts.waitMost : 0)
      if (far === 0 || !this.#parts.far(running, far)) return
      this.leave(running)
    }
  }

  /** Whoever has left meanwhile wants no turn any more. */
  #grant(waiter: Waiter, now: SteadyMs): void {
    const { running, line } = waiter
    if (this.#waiters.get(running) !== waiter) {
      this.#giveBack(waiter)
      return
    }
    this.leave(running)
    if (line.terms.places !== undefined) this.#held.set(running, { ...waiter, begun: now })
    this.#parts.pass(running)
  }

  #giveBack({ line, name }: Waiter): void {
    const { places } = line.terms
    if (places !== undefined) this.#done.push({ key: places.key, names: [name] })
  }

  /** The store cannot be asked: nobody passes, and nothing that was to be told is forgotten. */
  #trouble(error: unknown, done: readonly PlaceNames[], kept: readonly PlaceNames[]): void {
    const { clock, log } = this.#parts.runtime
    if (!this.#troubled) {
      const text = error instanceof Error ? error.message : String(error)
      log.warning(`Limits over the cluster cannot be asked for; tasks that have some wait: ${text}`)
    }
    this.#troubled = true
    this.#done = [...done, ...this.#done]
    this.#kept = [...kept, ...this.#kept]
    this.#pause = clock.timer(TROUBLE_PAUSE, () => {
      this.#asking = false
      this.look()
    })
  }

  #recovered(): void {
    if (!this.#troubled) return
    this.#troubled = false
    this.#parts.runtime.log.info('Limits over the cluster can be asked for again.')
  }

  #wakeAt(at: SteadyMs): void {
    this.#alarm.clear()
    this.#alarm.set(at, undefined)
  }

  #line(task: TaskName, terms: LimitTerms): Line {
    const present = this.#lines.get(terms.line)
    if (present !== undefined) return present
    const line: Line = {
      terms,
      task,
      waiting: new Map(),
      away: new Heap<SteadyMs>((a, b) => a < b),
      notBefore: this.#now(),
      pause: PAUSE_FIRST,
    }
    this.#lines.set(terms.line, line)
    return line
  }

  /** Keys may be as many as there are arguments: a line that nobody waits in is made anew when somebody comes. */
  #dropIdle(key: string, line: Line, now: SteadyMs): void {
    for (let next = line.away.peek(); next !== undefined && next <= now; next = line.away.peek()) line.away.pop()
    if (line.away.size === 0 && line.notBefore <= now) this.#lines.delete(key)
  }

  #now(): SteadyMs {
    return this.#parts.runtime.clock.steady()
  }
}

function askOf({ line, waiters }: Asked): LimitAsk {
  const { rate, places } = line.terms
  return { names: waiters.map(({ name }) => name), rate, places }
}
