import type { LimitAnswer, LimitAsk, LimitRequest, PlaceNames, PlacesAsk, RateAsk } from './limit-store.js'
import { addCount, currentCounts, type LimitWindow, type WindowCounts, windowRoom, windowWait } from './limit-window.js'

/** What a store keeps under one key. */
export interface LimitState {
  /** By the window's length in ms. */
  readonly windows: Readonly<Record<string, WindowCounts>>
  /** By holder: the names of its places. */
  readonly places: Readonly<Record<string, readonly number[]>>
}

export const NO_LIMIT_STATE: LimitState = Object.freeze({ windows: Object.freeze({}), places: Object.freeze({}) })

export interface LimitWorld {
  /** The store's clock. */
  readonly now: number
  /** Who asks. */
  readonly holder: string
  state(key: string): LimitState
  /** Does this session still count as living? */
  alive(holder: string): boolean
}

export interface LimitDecision {
  readonly answers: readonly LimitAnswer[]
  /** The new state of each key that was looked at. */
  readonly states: ReadonlyMap<string, LimitState>
}

/** Every key that a request is about, once. */
export function limitKeys(request: LimitRequest): readonly string[] {
  const keys = new Set<string>()
  for (const { key } of [...request.done, ...request.kept]) keys.add(key)
  for (const { rate, places } of request.asks) {
    if (rate !== undefined) keys.add(rate.key)
    if (places !== undefined) keys.add(places.key)
  }
  return [...keys]
}

/** What becomes of a request: first what is given back, then what is held anyway, then what is asked for, in order. */
export function decideLimits(request: LimitRequest, world: LimitWorld): LimitDecision {
  const book = new Book(world)
  for (const done of request.done) book.free(done)
  for (const kept of request.kept) book.hold(kept)
  const answers = request.asks.map(ask => decideAsk(ask, book))
  return { answers, states: book.states }
}

function decideAsk(ask: LimitAsk, book: Book): LimitAnswer {
  const { names, rate, places } = ask
  const room = places === undefined ? names.length : book.placesFor(places, names)
  const turns = rate === undefined ? room : Math.min(room, book.turnsOf(rate))
  if (turns > 0 && rate !== undefined) book.count(rate, turns)
  if (turns > 0 && places !== undefined) book.hold({ key: places.key, names: names.slice(0, turns) })
  if (turns === names.length) return { granted: turns, wait: 0 }
  return { granted: turns, wait: turns === room || rate === undefined ? undefined : book.wait(rate) }
}

/** The states as they become, key by key. */
class Book {
  readonly states = new Map<string, LimitState>()
  readonly #world: LimitWorld

  constructor(world: LimitWorld) {
    this.#world = world
  }

  free({ key, names }: PlaceNames): void {
    const gone = new Set(names)
    this.#setOwn(
      key,
      this.#own(key).filter(name => !gone.has(name)),
    )
  }

  hold({ key, names }: PlaceNames): void {
    this.#setOwn(key, [...new Set([...this.#own(key), ...names])])
  }

  /** How many of these, from the first on, could have a place; one that has a place already keeps it. */
  placesFor({ key, max }: PlacesAsk, names: readonly number[]): number {
    const own = new Set(this.#own(key))
    let taken = 0
    for (const held of Object.values(this.#state(key).places)) taken += held.length
    let granted = 0
    for (const name of names) {
      if (!own.has(name) && ++taken > max) break
      granted++
    }
    return granted
  }

  turnsOf({ key, windows }: RateAsk): number {
    return Math.min(...windows.map(window => windowRoom(this.#counts(key, window), window)))
  }

  wait({ key, windows }: RateAsk): number {
    return Math.max(...windows.map(window => windowWait(this.#counts(key, window), window, this.#world.now)))
  }

  count({ key, windows }: RateAsk, turns: number): void {
    const state = this.#state(key)
    const counted = windows.map(window => [
      String(window.ms),
      addCount(this.#counts(key, window), window, this.#world.now, turns),
    ])
    this.states.set(key, { ...state, windows: { ...state.windows, ...Object.fromEntries(counted) } })
  }

  #counts(key: string, window: LimitWindow): WindowCounts {
    return currentCounts(this.#state(key).windows[window.ms] ?? [], window, this.#world.now)
  }

  #own(key: string): readonly number[] {
    return this.#state(key).places[this.#world.holder] ?? []
  }

  #setOwn(key: string, names: readonly number[]): void {
    const state = this.#state(key)
    const { [this.#world.holder]: _, ...others } = state.places
    this.states.set(key, { ...state, places: names.length === 0 ? others : { ...others, [this.#world.holder]: names } })
  }

  /** Without what has left its window, and without the dead. */
  #state(key: string): LimitState {
    const present = this.states.get(key)
    if (present !== undefined) return present
    const stored = this.#world.state(key)
    const { now, holder } = this.#world
    const windows = Object.entries(stored.windows).flatMap(([ms, counts]) => {
      const current = currentCounts(counts, { max: 0, ms: Number(ms) }, now)
      return current.length === 0 ? [] : [[ms, current] as const]
    })
    const places = Object.entries(stored.places).filter(([one]) => one === holder || this.#world.alive(one))
    const state: LimitState = { windows: Object.fromEntries(windows), places: Object.fromEntries(places) }
    this.states.set(key, state)
    return state
  }
}

/** When nothing of a state matters any more, if nobody asks before; undefined = it holds nothing now. */
export function stateEnds(state: LimitState, now: number): number | undefined {
  let ends: number | undefined
  for (const [ms, counts] of Object.entries(state.windows)) {
    const last = counts.at(-1)
    if (last !== undefined) ends = Math.max(ends ?? now, last[0] + 2 * Number(ms))
  }
  if (Object.keys(state.places).length > 0) ends = Math.max(ends ?? now, now + PLACES_KEPT)
  return ends
}

/** A place that nobody asked beside for so long is forgotten: 7 days. */
const PLACES_KEPT = 604_800_000
