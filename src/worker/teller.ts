import type { TaskPolicy } from '../app/task-options.js'
import type { Delivery } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { Outcome } from '../pools/pool.js'
import type { ChordMemo } from '../protocol/chord-memo.js'
import type { DeadLetterReason } from '../protocol/dead-letter.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { QueueName, TaskId, TaskName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Effect } from './effect.js'
import { type Performed, perform } from './perform.js'
import type { RejectionLines } from './rejection-lines.js'
import { resultRecord } from './result-record.js'
import { newRunning, type Running, withMostFaults } from './running.js'
import { endToKeep, settle, settleSpooled } from './settle.js'
import type { DeliveryFacts, SettleContext } from './settle-context.js'
import type { SpoolEntry } from './spool.js'
import type { SpooledEnd } from './spooled-end.js'
import { unheardRequest } from './unheard-request.js'
import { ackAll, requeueAll } from './verdicts.js'
import type { World } from './world.js'
import { writeDeadLetter } from './write-dead-letter.js'

export interface TellerParts {
  readonly runtime: Runtime
  readonly world: World
  /** Lines about what cannot become a request. */
  readonly rejections: RejectionLines
  /** Node name. */
  readonly worker: string
  readonly inheritPriority: boolean
  policy(task: TaskName): TaskPolicy
  /** Is it an errback that wants to be called here (`errback: 'inline'`)? */
  inlineErrback(task: TaskName): boolean
  dateDone(now: EpochMs): string
  /** Keeps the end of an early-acked task that could not be told. */
  spool(entry: SpoolEntry): Promise<void>
}

export type Decide = (context: SettleContext) => readonly Effect[]

/** How soon a message comes back that could not be judged because the backend or the dead-letter place did not answer. */
export const CONSULT_AGAIN: Ms = 5000

/** Tells the world what was decided about a delivery: that it began, how it ended, what follows, or that it is dead. */
export class Teller implements Disposable {
  readonly #parts: TellerParts
  readonly #inlineErrback = (task: TaskName): boolean => this.#parts.inlineErrback(task)

  constructor(parts: TellerParts) {
    this.#parts = parts
  }

  [Symbol.dispose](): void {
    this.#parts.rejections[Symbol.dispose]()
  }

  /**
   * Performs what is decided. A value that cannot be stored becomes a failure that says so; an end that could not be told in
   * time goes to the spool, where the message is acked already. `outcome`: of the execution, where it was run.
   */
  async tell(running: Running, decide: Decide, outcome?: Outcome): Promise<Performed> {
    const context = this.#context(running)
    const performed = await perform(decide(context), running, context, this.#parts.world)
    if (performed.kind === 'unstorable') return this.tell(running, given => settle(failure(performed.error), given))
    if (performed.kind === 'untold') await this.#spool(endToKeep(decide, outcome, context), running, context)
    return performed
  }

  /** False: a later attempt has written already, or the message went back because nothing can be stored: not run here. */
  async tellStart(running: Running): Promise<boolean> {
    const { runtime, worker, world } = this.#parts
    const context = this.#context(running)
    const result = { pid: runtime.host.pid, hostname: worker }
    const meta = { ...resultRecord('STARTED', { result }, context), children: undefined }
    const ttl = context.policy.resultExpires
    const performed = await perform([{ kind: 'store', meta, ttl, own: true }], running, context, world)
    if (performed.kind === 'stale' || performed.kind === 'handed-back') return false
    // Late acks: a verdict by now means that the stored end of a later attempt was told instead.
    return !running.late || running.verdict === undefined
  }

  /** Tells an end from the spool, each effect tried once; resolves to what is still left of it. */
  async tellSpooled(entry: SpoolEntry, request: TaskRequest): Promise<SpoolEntry | undefined> {
    const { delivery, end, sent } = entry
    const running = alreadyAcked(request)
    running.sentBefore = new Set(sent)
    const performed = await this.#tellAcked(running, delivery, context => settleSpooled(end, context))
    return performed.kind === 'untold' ? { ...entry, sent: [...sent, ...(running.sent ?? [])] } : undefined
  }

  /** Performs, as if task `id` had been executed here, what follows it; each effect is tried once. False: it could not be told. */
  async tellFor(
    id: TaskId,
    { rootId = id, priority }: Pick<ChordMemo, 'rootId' | 'priority'>,
    decide: Decide,
  ): Promise<boolean> {
    const running = alreadyAcked(unheardRequest(id, rootId, priority))
    const performed = await this.#tellAcked(running, NO_DELIVERY, decide)
    return performed.kind === 'done'
  }

  /** What cannot become a request goes to the dead-letter place as it is; the ack waits for that (M-table, DL). */
  async bury(delivery: Delivery, reason: DeadLetterReason, detail: string, id: TaskId | undefined): Promise<void> {
    const { runtime, rejections, world, worker } = this.#parts
    const { queue, exchange, routingKey, faults, enqueuedAt } = delivery
    const place = `${queue}, ${delivery.message.body.byteLength} bytes`
    rejections.tell(`Dead letter (${reason}) ${id ?? 'without id'} from ${place}: ${detail}`, { reason, queue })
    const record = {
      reason,
      detail,
      queue,
      exchange,
      routingKey,
      deliveries: faults,
      firstSeen: enqueuedAt,
      diedAt: runtime.clock.now(),
      worker,
    }
    const publishId = `dead:${queue}:${delivery.claim}`
    const written = await writeDeadLetter(delivery.message, record, publishId, undefined, world)
    if (written === 'written') await ackAll([delivery])
    else await requeueAll([delivery], { counted: false, delay: CONSULT_AGAIN })
  }

  /** D47: acked early and not told in time. */
  async #spool(end: SpooledEnd | undefined, { sent }: Running, context: SettleContext): Promise<void> {
    if (end === undefined) return
    const { message, id } = context.request
    const { log } = this.#parts.runtime
    try {
      await this.#parts.spool({ message, delivery: context.delivery, end, sent: [...(sent ?? [])] })
      log.warning(`The end of task ${id} could not be told; it is kept in the spool.`)
    } catch (error) {
      log.critical(`The end of task ${id} is lost: it could neither be told nor kept in the spool. ${String(error)}`)
    }
  }

  #tellAcked(running: Running, delivery: DeliveryFacts, decide: Decide): Promise<Performed> {
    const context = this.#contextOf(running, delivery)
    return perform(decide(context), running, context, { ...this.#parts.world, writeTimeout: () => 0 })
  }

  #context(running: Running): SettleContext {
    return this.#contextOf(running, withMostFaults(running.deliveries.at(-1) as Delivery, running))
  }

  #contextOf(running: Running, delivery: DeliveryFacts): SettleContext {
    const { runtime, worker, world, inheritPriority } = this.#parts
    const now = runtime.clock.now()
    return {
      request: running.request,
      policy: this.#parts.policy(running.request.task),
      late: running.late,
      keepsResults: world.backend !== undefined,
      delivery,
      worker,
      now,
      dateDone: world.backend === undefined ? '' : this.#parts.dateDone(now),
      random: runtime.random.next(),
      inheritPriority,
      inlineErrback: this.#inlineErrback,
    }
  }
}

const NO_DELIVERY: DeliveryFacts = Object.freeze({
  queue: '' as QueueName,
  exchange: '',
  routingKey: '',
  faults: 0,
  enqueuedAt: undefined,
})

/** There is no message to settle. */
function alreadyAcked(request: TaskRequest): Running {
  const running = newRunning(request, [], false)
  running.verdict = 'ack'
  return running
}

function failure(error: unknown): Parameters<typeof settle>[0] {
  return { kind: 'failed', ...exceptionInfoOf(error), children: [], runtime: 0 }
}
