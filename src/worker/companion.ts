import type { Connection } from '../brokers/broker.js'

/**
 * What lives beside consuming, as long as one broker connection: the mailbox, events, gossip. The session joins each anew
 * after every (re)connection, when messages are consumed already, so that no neighbour can keep a worker from its work
 * (H12); it disposes what `join` gave before the connection closes, or after it was lost, in reverse order. Reconnecting waits for
 * that: on a lost connection a companion leaves at once.
 *
 * A companion that cannot join is said in the log, and tried again as long as the connection lasts: work goes on without it.
 */
export interface Companion {
  readonly name: string
  join(connection: Connection, signal: AbortSignal): Promise<AsyncDisposable>
}
