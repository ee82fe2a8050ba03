import assert from 'node:assert/strict'
import type { ChordPart, ResultBackend, StoreOptions } from '../../backends/backend.js'
import { type GroupId, groupId, type TaskId, taskId } from '../../protocol/ids.js'
import type { ExceptionInfo, ResultMeta } from '../../protocol/result-meta.js'
import type { BackendCapability, BackendPlace, BackendTimes } from './backend-harness.js'

/** One case of the suite: a sentence about behaviour, starting with the rule it proves, if it has a number. */
export interface BackendCase {
  readonly name: string
  readonly needs?: readonly BackendCapability[]
  run(bench: BackendBench): Promise<void>
}

/** Kept for ever, by nobody's attempt. */
export const KEPT: StoreOptions = { ttl: undefined, fence: undefined }

export const DONE_AT = '2026-11-20T08:51:09.816613+00:00'

/** What cases are written with: short verbs over one fresh store. */
export class BackendBench {
  readonly place: BackendPlace
  #names = 0

  constructor(place: BackendPlace) {
    this.place = place
  }

  get times(): BackendTimes {
    return this.place.times
  }

  open(): Promise<ResultBackend> {
    return this.place.open()
  }

  id(): TaskId {
    return taskId(`task-${++this.#names}`)
  }

  ids(count: number): readonly TaskId[] {
    return Array.from({ length: count }, () => this.id())
  }

  chord(): GroupId {
    return groupId(`chord-${++this.#names}`)
  }

  /** Watches from now on, and remembers what came. */
  watch(backend: ResultBackend, ids: readonly TaskId[]): Watcher {
    return new Watcher(backend, ids)
  }

  async eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const { step, patience } = this.times
    for (let waited = 0; waited <= patience; waited += step) {
      if (await holds()) return
      await this.place.pass(step)
    }
    assert.fail(`waited in vain for ${what}`)
  }

  /** Lets time pass in which something must not happen. */
  quiet(): Promise<void> {
    return this.place.pass(this.times.quiet)
  }

  /** Waits until the watcher has heard `count` records in all. */
  async heard(watcher: Watcher, count: number): Promise<readonly ResultMeta[]> {
    await this.eventually(`${count} records (${watcher.metas.length} so far)`, () => watcher.metas.length >= count)
    return watcher.metas
  }
}

export class Watcher {
  readonly metas: ResultMeta[] = []
  ended = false
  error: unknown
  readonly #over = new AbortController()

  constructor(backend: ResultBackend, ids: readonly TaskId[]) {
    void this.#follow(backend.watch(ids, this.#over.signal))
  }

  get states(): readonly string[] {
    return this.metas.map(meta => meta.status)
  }

  abort(): void {
    this.#over.abort()
  }

  async #follow(metas: AsyncIterable<ResultMeta>): Promise<void> {
    try {
      for await (const meta of metas) this.metas.push(meta)
    } catch (error) {
      this.error = error
    }
    this.ended = true
  }
}

export function meta(id: TaskId, parts: Partial<ResultMeta> & { readonly status: string }): ResultMeta {
  return {
    taskId: id,
    result: undefined,
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
    ...parts,
  }
}

export function success(id: TaskId, result: unknown): ResultMeta {
  return meta(id, { status: 'SUCCESS', result, children: [], dateDone: DONE_AT })
}

export const BOOM: ExceptionInfo = { type: 'ValueError', args: ['boom', 42], module: 'builtins' }

export function failure(id: TaskId, error: ExceptionInfo = BOOM): ResultMeta {
  return meta(id, { status: 'FAILURE', error, traceback: 'ValueError: boom', children: [], dateDone: DONE_AT })
}

export function started(id: TaskId): ResultMeta {
  return meta(id, { status: 'STARTED', result: { pid: 7, hostname: 'w@host' }, children: [] })
}

/** The part at `index` of a chord, with its index as value unless told otherwise. */
export function part(chord: GroupId, index: number, value: unknown = index): ChordPart {
  const id = taskId(`${chord}-part-${index}`)
  return { chord, index, taskId: id, meta: success(id, value), size: undefined }
}

/** What a record is once it has gone through a store: `undefined` members are absent ones, values are their JSON. */
export function resultOf(found: ResultMeta | undefined): unknown {
  assert.ok(found, 'there is no record')
  return found.result
}
