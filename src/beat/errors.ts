import { LovageError } from '../lib/errors.js'

/** An entry of a schedule that cannot be kept. `entry` is its name, `path` the member that is wrong. */
export class EntryError extends LovageError {
  override readonly name = 'EntryError'
  readonly entry: string
  readonly path: string

  constructor(entry: string, path: string, problem: string, options?: { readonly cause?: unknown }) {
    super('LVG_BAD_ENTRY', `Schedule entry ${JSON.stringify(entry)}: ${path}: ${problem}`, options)
    this.entry = entry
    this.path = path
  }
}

/** The store that beats share. `transient`: the same call may succeed later. */
export class BeatStoreError extends LovageError {
  override readonly name = 'BeatStoreError'
  readonly transient: boolean

  constructor(code: string, message: string, options: { readonly cause?: unknown; readonly transient: boolean }) {
    super(code, message, options)
    this.transient = options.transient
  }
}
