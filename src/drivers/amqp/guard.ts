import type { AmqpError } from './amqp-error.js'

/** What keeps a connection alive from another thread, and judges whether the server is there; the client library does not. */
export interface Guard extends AsyncDisposable {
  /** Settles once when the server was silent or the thread died; never otherwise. */
  readonly lost: Promise<AmqpError>
}
