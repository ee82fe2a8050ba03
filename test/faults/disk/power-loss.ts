import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../src/lib/runtime.js'
import { type DiskStep, FileBytes } from './files.js'

/** What a disk keeps of the writes that were not followed by a sync: none, all, or any of their sectors. */
export type Unsynced = 'lost' | 'kept' | 'torn'

type Change = Extract<DiskStep, { kind: 'write' | 'size' }>

const SECTOR = 512

/**
 * The disk after the power went off: what was synced is there; of what was not, each sector may be there or not, in
 * whatever order it was written. Names of files are there once their folder was synced.
 */
export class PowerLoss {
  readonly #steps: readonly DiskStep[]
  readonly #synced = new Map<number, FileBytes>()
  readonly #unsynced = new Map<number, Change[]>()
  readonly #names = new Map<string, number>()
  #syncedNames: ReadonlyMap<string, number> = new Map()
  #at = 0

  constructor(steps: readonly DiskStep[]) {
    this.#steps = steps
  }

  /** Goes on to the instant after so many steps; never back. */
  advance(to: number): void {
    for (const step of this.#steps.slice(this.#at, to)) this.#take(step)
    this.#at = to
  }

  /** Writes into `folder` what is left of the files of these names. */
  leave(folder: string, names: readonly string[], unsynced: Unsynced, random: Random): void {
    for (const name of names) {
      const id = this.#syncedNames.get(name) ?? (unsynced === 'kept' ? this.#names.get(name) : undefined)
      if (id === undefined) continue
      const left = this.#synced.get(id)?.copy() ?? new FileBytes()
      if (unsynced !== 'lost') {
        for (const change of this.#unsynced.get(id) ?? []) survive(change, left, unsynced, random)
      }
      writeFileSync(join(folder, name), left.read(0, left.size))
    }
  }

  #take(step: DiskStep): void {
    switch (step.kind) {
      case 'create':
        this.#names.set(step.name, step.file)
        return
      case 'write':
      case 'size':
        this.#changes(step.file).push(step)
        return
      case 'sync':
        this.#sync(step.file)
        return
      case 'sync-folder':
        this.#syncedNames = new Map(this.#names)
        return
      case 'unlink':
        this.#names.delete(step.name)
        return
      case 'rename': {
        const id = this.#names.get(step.from)
        this.#names.delete(step.from)
        if (id !== undefined) this.#names.set(step.to, id)
        return
      }
      default:
        step satisfies never
    }
  }

  #changes(file: number): Change[] {
    const known = this.#unsynced.get(file)
    if (known !== undefined) return known
    const fresh: Change[] = []
    this.#unsynced.set(file, fresh)
    return fresh
  }

  #sync(file: number): void {
    const bytes = this.#synced.get(file) ?? new FileBytes()
    for (const change of this.#changes(file)) apply(change, bytes)
    this.#synced.set(file, bytes)
    this.#unsynced.delete(file)
  }
}

function apply(change: Change, bytes: FileBytes): void {
  if (change.kind === 'write') bytes.write(change.offset, change.data)
  else bytes.resize(change.size)
}

/** Each sector of a torn write by itself. */
function survive(change: Change, bytes: FileBytes, unsynced: Unsynced, random: Random): void {
  if (change.kind === 'size' || unsynced === 'kept') {
    if (unsynced === 'kept' || random.next() < 0.5) apply(change, bytes)
    return
  }
  let at = 0
  while (at < change.data.length) {
    const end = Math.min(change.data.length, at + SECTOR - ((change.offset + at) % SECTOR))
    if (random.next() < 0.5) bytes.write(change.offset + at, change.data.subarray(at, end))
    at = end
  }
}
