import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ResultTuple } from '../protocol/result-meta.js'
import { TaskError } from './errors.js'
import type { AnyResult, GetOptions, ResultLineage, ResultSource } from './result.js'

/** A member's end, in the order of ending. `value` is the error of one that failed. */
export interface MemberEnd {
  /** Its place in the group. */
  readonly index: number
  readonly result: AnyResult
  readonly value: unknown
  readonly failed: boolean
}

/**
 * The results of a group, by its id: `Values` are those of its members in their order, groups within it being lists.
 * Source: celery/result.py GroupResult.
 */
export class GroupResult<Values extends readonly unknown[]> implements AnyResult {
  readonly kind = 'group'
  readonly id: GroupId
  readonly results: readonly AnyResult[]
  /** What came before it: the step before a group in a chain. */
  readonly parent: AnyResult | undefined
  readonly rootId: TaskId | undefined
  readonly #source: ResultSource

  constructor(id: GroupId, results: readonly AnyResult[], source: ResultSource, lineage: ResultLineage = {}) {
    this.id = id
    this.results = results
    this.parent = lineage.parent
    this.rootId = lineage.rootId
    this.#source = source
  }

  get length(): number {
    return this.results.length
  }

  /**
   * Waits for all members; their values in order. Throws the error of the first one, by order, that failed, once all have
   * ended; with `propagate: false` errors stand in the places of values.
   */
  async get(options: GetOptions = {}): Promise<Values> {
    const values: unknown[] = await Promise.all(
      this.results.map(result => result.get({ ...options, propagate: false })),
    )
    if (options.propagate !== false) for (const value of leaves(values)) if (value instanceof TaskError) throw value
    // The members' own types say what their values are.
    return values as unknown as Values
  }

  /** Each member as it ends, the earliest first. Ends when all have. */
  async *iterate(options: Omit<GetOptions, 'propagate'> = {}): AsyncGenerator<MemberEnd, void, undefined> {
    const waiting = new Map(
      this.results.map((result, index) => [
        index,
        result
          .get({ ...options, propagate: false })
          .then((value: unknown): MemberEnd => ({ index, result, value, failed: value instanceof TaskError })),
      ]),
    )
    while (waiting.size > 0) {
      const end = await Promise.race(waiting.values())
      waiting.delete(end.index)
      yield end
    }
  }

  /** How many members have succeeded. */
  async completedCount(): Promise<number> {
    const counts = await Promise.all(this.results.map(completed))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** All have ended, however. */
  ready(): Promise<boolean> {
    return this.#every(result => result.ready())
  }

  successful(): Promise<boolean> {
    return this.#every(result => result.successful())
  }

  /** One has failed. */
  async failed(): Promise<boolean> {
    return (await Promise.all(this.results.map(result => result.failed()))).some(Boolean)
  }

  /** Keeps what the group is made of under its id, for `app.groupResult(id)`, as long as results are kept. */
  async save(): Promise<void> {
    const backend = await this.#source.resultBackend()
    const members = this.results.map(result => result.asTuple())
    await backend.saveGroup({ id: this.id, parent: this.parent?.asTuple(), members }, this.#source.resultExpires)
  }

  /** Takes back `save`; the results of the members stay. */
  async delete(): Promise<void> {
    const backend = await this.#source.resultBackend()
    await backend.forgetGroup(this.id)
  }

  /** As `AsyncResult.revoke`, for every task in it. */
  async revoke(options: { readonly terminate?: boolean; readonly signal?: string } = {}): Promise<void> {
    const ids = taskIds(this.results)
    if (ids.length > 0) await this.#source.control.revoke(ids, options)
  }

  /** Deletes the stored records of all members. */
  async forget(): Promise<void> {
    await Promise.all(this.results.map(result => result.forget()))
  }

  /** `[[id, parent], members]` as data: Celery's `as_tuple`. */
  asTuple(): ResultTuple {
    return { id: this.id, parent: this.parent?.asTuple(), members: this.results.map(result => result.asTuple()) }
  }

  async children(): Promise<readonly AnyResult[]> {
    return this.results
  }

  async #every(holds: (result: AnyResult) => Promise<boolean>): Promise<boolean> {
    return (await Promise.all(this.results.map(holds))).every(Boolean)
  }
}

function taskIds(results: readonly AnyResult[]): readonly string[] {
  return results.flatMap(result => (result instanceof GroupResult ? taskIds(result.results) : [result.id]))
}

async function completed(result: AnyResult): Promise<number> {
  if (result instanceof GroupResult) return result.completedCount()
  return (await result.successful()) ? 1 : 0
}

function leaves(values: readonly unknown[]): readonly unknown[] {
  return values.flatMap(value => (Array.isArray(value) && value.some(holdsError) ? leaves(value) : [value]))
}

function holdsError(value: unknown): boolean {
  return value instanceof TaskError || (Array.isArray(value) && value.some(holdsError))
}
