import type { Clock } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { TaskId } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import { RevokedIds } from './revoked-ids.js'
import { RevokedStamps } from './revoked-stamps.js'
import type { Stamps } from './stamps.js'

/** What is remembered of ids, of roots and of stamps (L14). */
const MAX_IDS = 50_000
const MAX_ROOTS = 10_000
const MAX_STAMPS = 1000

/** All that must not start here, by id, by the root of its workflow or by stamp. Asked twice for every task, so it answers without waiting for anybody. */
export class Revocations {
  readonly #clock: Pick<Clock, 'steady'>
  readonly #ids: RevokedIds
  readonly #roots: RevokedIds
  readonly #stamps = new RevokedStamps(MAX_STAMPS)

  constructor(clock: Pick<Clock, 'steady'>, ttl: Ms) {
    this.#clock = clock
    this.#ids = new RevokedIds({ max: MAX_IDS, ttl })
    this.#roots = new RevokedIds({ max: MAX_ROOTS, ttl })
  }

  has(request: Pick<TaskRequest, 'id' | 'rootId' | 'stamps'>): boolean {
    const now = this.#clock.steady()
    return this.#ids.has(request.id, now) || this.#roots.has(request.rootId, now) || this.#stamps.has(request)
  }

  /** `age`: how long ago it was revoked. */
  add(ids: Iterable<TaskId>, age: Ms = 0): void {
    const now = this.#clock.steady()
    for (const id of ids) this.#ids.add(id, now - age, now)
  }

  /** Of workflows. */
  addRoots(roots: Iterable<TaskId>, age: Ms = 0): void {
    const now = this.#clock.steady()
    for (const root of roots) this.#roots.add(root, now - age, now)
  }

  addStamps(stamps: Stamps): void {
    this.#stamps.add(stamps)
  }

  /** In the order in which they came. */
  entries(): Iterable<readonly [TaskId, SteadyMs]> {
    return this.#ids.entries(this.#clock.steady())
  }

  roots(): Iterable<readonly [TaskId, SteadyMs]> {
    return this.#roots.entries(this.#clock.steady())
  }

  get stamps(): Stamps {
    return this.#stamps.entries()
  }
}
