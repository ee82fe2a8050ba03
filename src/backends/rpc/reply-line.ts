import type { TaskId } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'

/** Takes a message of the reply queue. Answers the task whose end it tells, if it tells one. */
export type Receive = (message: Message) => TaskId | undefined

/** What results by message need of a broker. Loses and finds its connections by itself. */
export interface ReplyLine extends AsyncDisposable {
  /** Our reply queue is consumed now. */
  readonly listening: boolean
  /**
   * Consumes our reply queue from now on and hands over every message once. Resolves when the queue exists and is
   * consumed; after a lost connection, when it is so again. Rejects with `signal.reason`.
   */
  listen(receive: Receive, signal: AbortSignal): Promise<void>
  /**
   * Through the default exchange. `sent`: the broker has it. `nobody`: there is no such queue (any more). Rejects with a
   * `BackendError`; `transient` says whether trying again may help.
   */
  send(message: Message, queue: string): Promise<'sent' | 'nobody'>
}
