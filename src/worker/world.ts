import type { ResultBackend } from '../backends/backend.js'
import type { Address, Connection, Queue, Settled } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { ChordMemo } from '../protocol/chord-memo.js'
import type { DeadLetterRecord } from '../protocol/dead-letter.js'
import type { QueueName } from '../protocol/ids.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import type { Effect, OutgoingTask, TaskEvent } from './effect.js'
import type { Running } from './running.js'
import type { SettleContext } from './settle-context.js'

/** What effects act upon. */
export interface World {
  readonly runtime: Runtime
  readonly backend: ResultBackend | undefined
  /** The connection of the present session; undefined while there is none. */
  live(): Connection | undefined
  outgoing(task: OutgoingTask, context: SettleContext): Outgoing
  emit(event: TaskEvent, running: Running): void
  /** The broker has what `outgoing` made. */
  sent(outgoing: Outgoing): void
  /** What is kept with an open chord (D72). */
  chordMemo(memo: ChordMemo): string | undefined
  errback(signature: Signature, request: TaskRequest, error: ExceptionInfo, traceback: string | undefined): void
  /** Hears how an ack was answered (D21). A function of its own: it is handed on. */
  readonly acked: (settled: Settled) => undefined
  /** May a dead letter of so many bytes be written for this queue (D64)? */
  deadLetterRoom(queue: QueueName, bytes: number): Promise<boolean>
  /** A dead letter was written. */
  buried(record: DeadLetterRecord): void
  /** A store or publish for task (or message) `id` has failed and is tried again. */
  waits(why: string, id: string): void
  /** How long a store or publish may be tried again; asked before each try. */
  writeTimeout(): Ms
  /** After every effect; simulations crash here (F04). */
  afterEffect(effect: Effect, running: Running): Promise<void> | undefined
}

/** A message ready to be published: encoded, addressed, named. */
export interface Outgoing {
  readonly message: Message
  /** Declared first. */
  readonly queue: Queue | undefined
  readonly to: Address
  readonly publishId: string
  readonly notBefore: EpochMs | undefined
}
