import { LovageError } from '../lib/errors.js'

/** Something between us and the result backend. `transient`: the same act may succeed later. */
export class BackendError extends LovageError {
  override readonly name: string = 'BackendError'
  readonly transient: boolean

  constructor(code: string, message: string, options: { readonly cause?: unknown; readonly transient: boolean }) {
    super(code, message, options)
    this.transient = options.transient
  }
}

/** The store was damaged and is kept aside: a person should look before a new one takes its place. */
export class DamagedResultsError extends BackendError {
  override readonly name = 'DamagedResultsError'

  constructor(code: string, message: string, options: { readonly cause?: unknown }) {
    super(code, message, { ...options, transient: false })
  }
}
