import type { RevocationEntry } from '../app/revocation-entry.js'
import type { SteadyMs } from '../lib/time.js'
import type { TaskId } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Revoking } from './commands/worker-view.js'
import type { AgedEntry } from './revocation-follower.js'
import type { Revocations } from './revocations.js'
import type { Stamps } from './stamps.js'

export interface RevokerParts {
  readonly revocations: Revocations
  /** What waits here and is meant leaves. */
  discardRevoked(): void
  terminate(meant: (request: TaskRequest) => boolean, signal: string): readonly TaskId[]
  /** Keeps it in the store of results. */
  record(entries: readonly RevocationEntry[]): void
  /** The file of this worker has something new to hold. */
  changed(): void
}

/** Who is told when something is revoked, according to where it comes from. */
export class Revoker implements Revoking {
  readonly #parts: RevokerParts

  constructor(parts: RevokerParts) {
    this.#parts = parts
  }

  ids(): readonly TaskId[] {
    return [...this.entries()].map(([id]) => id)
  }

  entries(): Iterable<readonly [TaskId, SteadyMs]> {
    return this.#parts.revocations.entries()
  }

  revoke(ids: readonly TaskId[]): void {
    this.merge(ids)
    this.#parts.record(ids.map(id => ({ kind: 'id', id })))
  }

  merge(ids: readonly TaskId[]): void {
    this.#parts.revocations.add(ids)
    this.#told()
  }

  revokeStamps(stamps: Stamps): void {
    this.#parts.revocations.addStamps(stamps)
    const entries: RevocationEntry[] = []
    for (const [header, values] of stamps) for (const value of values) entries.push({ kind: 'stamp', header, value })
    this.#parts.record(entries)
    this.#told()
  }

  terminate(ids: readonly TaskId[], signal: string): readonly TaskId[] {
    const meant = new Set(ids)
    return this.#parts.terminate(({ id }) => meant.has(id), signal)
  }

  revokeRoots(roots: readonly TaskId[]): void {
    this.#parts.revocations.addRoots(roots)
    this.#parts.record(roots.map(id => ({ kind: 'root', id })))
    this.#told()
  }

  terminateRoots(roots: readonly TaskId[], signal: string): readonly TaskId[] {
    const meant = new Set(roots)
    return this.#parts.terminate(({ rootId }) => meant.has(rootId), signal)
  }

  /** From the log, which keeps it already. */
  learn(entries: readonly AgedEntry[]): void {
    const { revocations } = this.#parts
    for (const { entry, age } of entries) {
      if (entry.kind === 'id') revocations.add([entry.id], age)
      else if (entry.kind === 'root') revocations.addRoots([entry.id], age)
      else revocations.addStamps(new Map([[entry.header, [entry.value]]]))
    }
    this.#told()
  }

  #told(): void {
    this.#parts.changed()
    this.#parts.discardRevoked()
  }
}
