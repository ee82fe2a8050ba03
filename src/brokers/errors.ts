import { LovageError } from '../lib/errors.js'

/** Something between us and the broker. `transient`: the same act may succeed later without anybody changing anything. */
export class BrokerError extends LovageError {
  override readonly name: string = 'BrokerError'
  readonly transient: boolean

  constructor(code: string, message: string, options: { readonly cause?: unknown; readonly transient: boolean }) {
    super(code, message, options)
    this.transient = options.transient
  }
}

/** Certainly not accepted: nothing reached the broker (D06). Publishing again cannot make a duplicate. */
export class NotSentError extends BrokerError {
  override readonly name = 'NotSentError'
}

/** Sent, but no answer came in time: the task may run (D06). Publish again only with the same id. */
export class PublishUnknownError extends BrokerError {
  override readonly name = 'PublishUnknownError'
}

/** The broker said no: queue full, no space, not allowed (D06). */
export class RejectedByBrokerError extends BrokerError {
  override readonly name = 'RejectedByBrokerError'
}

/** The message matched no queue (D03). */
export class UnroutableError extends BrokerError {
  override readonly name = 'UnroutableError'
}

/** The store's file is damaged (D3d). Never transient; a process that meets it ends with `exitCode`. */
export class DamagedStoreError extends BrokerError {
  override readonly name = 'DamagedStoreError'
  readonly exitCode = 74

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(code, message, { ...options, transient: false })
  }
}
