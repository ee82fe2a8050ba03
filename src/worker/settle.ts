import type { Ms } from '../lib/time.js'
import type { Outcome, RetryWish } from '../pools/pool.js'
import type { DeadLetterReason } from '../protocol/dead-letter.js'
import type { ExceptionInfo, ResultMeta, ResultTuple, RetryIntent } from '../protocol/result-meta.js'
import type { Discard } from './admission.js'
import { afterFailure, afterRevocation, afterSuccess, replaced, successChildren } from './aftermath.js'
import type { Effect, TaskEvent } from './effect.js'
import {
  maxRetriesExceeded,
  notRegistered,
  poisonTask,
  rejected,
  softTimeLimitExceeded,
  taskRevoked,
  timeLimitExceeded,
  workerLost,
  workerShutdown,
} from './exceptions.js'
import { resultRecord } from './result-record.js'
import { planRetry } from './retry-plan.js'
import type { SettleContext } from './settle-context.js'
import type { SpooledEnd } from './spooled-end.js'

/*
 * What becomes of a message once its execution has ended (or was refused): the effects, in the order that is the
 * guarantee. One function per way of ending; reliability §1.3 is the table behind them.
 */

export function settle(outcome: Outcome, context: SettleContext): readonly Effect[] {
  const effects = settleOutcome(outcome, context)
  return context.late && effects.length > 0 ? [CHECK_TOKEN, ...effects] : effects
}

const CHECK_TOKEN: Effect = { kind: 'check-token' }

function settleOutcome(outcome: Outcome, context: SettleContext): readonly Effect[] {
  switch (outcome.kind) {
    case 'succeeded':
      return succeeded(outcome.value, outcome.children, outcome.runtime, context)
    case 'failed':
      return failed(outcome.error, outcome.traceback, outcome.children, context)
    case 'retry':
      return retried(outcome.wish, outcome.children, context)
    case 'ignored':
      return [emit({ type: 'task-ignored' }), ...ackIfLate(context)]
    case 'replaced':
      return [...replaced(outcome.signature, context), emit({ type: 'task-ignored' }), ...ackIfLate(context)]
    case 'rejected':
      return outcome.requeue ? requeued(context) : rejectedForGood(outcome.reason, outcome.children, context)
    case 'timed-out':
      return outcome.hard
        ? timedOut(outcome.limit, context)
        : failed(softTimeLimitExceeded, outcome.traceback, outcome.children, context)
    case 'lost':
      return lost(outcome.exit, context)
    case 'cancelled':
      return cancelled(outcome.why, outcome.signal, context)
    default:
      return outcome satisfies never
  }
}

/** A delivery that never runs. Nothing was acked before, so the ack always comes last, whatever the ack mode. */
export function settleDiscard(why: Discard, context: SettleContext): readonly Effect[] {
  return [CHECK_TOKEN, ...discarded(why, context)]
}

function discarded(why: Discard, context: SettleContext): readonly Effect[] {
  switch (why.kind) {
    case 'expired':
      return [...revoked('expired', undefined, context), { kind: 'ack' }]
    case 'revoked':
      return [...revoked('revoked', undefined, context), { kind: 'ack' }]
    case 'unknown-task':
      return [
        ...failure(notRegistered(context.request.task), undefined, [], context),
        ...deadLetter('unknown-task', `no task named ${context.request.task} is registered here`, context),
        { kind: 'ack' },
      ]
    case 'poison':
      return [
        ...failure(poisonTask(why.faults, context.worker), undefined, [], context),
        ...deadLetter('poison', `${why.faults} deliveries ended in a fault`, context),
        { kind: 'ack' },
      ]
    default:
      return why satisfies never
  }
}

/**
 * The attempt's end is stored already, its delivery came again: everything after the store, from the stored values
 * (D42, D44), then the ack. A retry intent publishes the very same copy (D51).
 */
export function settleStored(stored: ResultMeta, context: SettleContext): readonly Effect[] {
  if (stored.intent !== undefined && stored.status === 'RETRY') {
    return [publishRetry(stored.intent, context), { kind: 'ack' }]
  }
  if (stored.status === 'SUCCESS') return [...afterSuccess(stored.result, stored, context), { kind: 'ack' }]
  const error = stored.error ?? taskRevoked('revoked')
  const after = stored.status === 'REVOKED' ? afterRevocation(stored, context) : afterFailure(error, stored, context)
  return [...after, ...deadLetterAgain(error, context), { kind: 'ack' }]
}

/**
 * What has to be kept of an early-acked task whose end could not be told in time, so that `settleSpooled` knows all that
 * follows. Undefined for ends that leave nothing to tell. `decide`: gives its effects; `outcome`: of its execution, if any.
 */
export function endToKeep(
  decide: (context: SettleContext) => readonly Effect[],
  outcome: Outcome | undefined,
  context: SettleContext,
): SpooledEnd | undefined {
  if (outcome?.kind === 'replaced') return { kind: 'replaced', taskId: context.request.id, by: outcome.signature }
  const kept: SettleContext = { ...context, keepsResults: true, request: { ...context.request, ignoreResult: false } }
  for (const effect of decide(kept)) {
    if (effect.kind === 'store' && effect.own) return { kind: 'record', meta: effect.meta }
  }
  return undefined
}

/** Everything of an end from the spool (D47). What was told before is not told twice: ids and publish ids are the same. */
export function settleSpooled(end: SpooledEnd, context: SettleContext): readonly Effect[] {
  if (end.kind === 'replaced') return replaced(end.by, context)
  const { meta } = end
  const isError = meta.status === 'FAILURE' || meta.status === 'RETRY'
  const stores = storeUnlessIgnored(meta, isError, context).map(effect => ({ ...effect, own: false }))
  return [...stores, ...settleStored(meta, context)]
}

function succeeded(
  value: unknown,
  children: readonly ResultTuple[],
  runtime: Ms,
  context: SettleContext,
): readonly Effect[] {
  const meta = resultRecord('SUCCESS', { result: value, children: trail(children, context) }, context)
  return [
    ...storeUnlessIgnored(meta, false, context),
    ...afterSuccess(value, meta, context),
    emit({ type: 'task-succeeded', result: value, runtime }),
    ...ackIfLate(context),
  ]
}

function failed(
  error: ExceptionInfo,
  traceback: string | undefined,
  children: readonly ResultTuple[],
  context: SettleContext,
): readonly Effect[] {
  const effects = failure(error, traceback, children, context)
  if (!context.late) return effects
  if (context.policy.acksOnFailure) return [...effects, { kind: 'ack' }]
  return [
    ...effects,
    ...deadLetter('rejected', `${error.type}; acksOnFailure is off`, context),
    emit({ type: 'task-rejected', requeue: false }),
    { kind: 'ack' },
  ]
}

/** State, chord, chain, errbacks, event: all of a failure but the verdict on the message. */
function failure(
  error: ExceptionInfo,
  traceback: string | undefined,
  children: readonly ResultTuple[],
  context: SettleContext,
): readonly Effect[] {
  const meta = resultRecord('FAILURE', { error, traceback, children }, context)
  return [
    ...storeUnlessIgnored(meta, true, context),
    ...afterFailure(error, meta, context),
    emit({ type: 'task-failed', error, traceback }),
  ]
}

function retried(wish: RetryWish, children: readonly ResultTuple[], context: SettleContext): readonly Effect[] {
  const { request, policy } = context
  const plan = planRetry(wish, request.retries, policy, context.now, context.random)
  if (plan.kind === 'exhausted') {
    const { task, id, argsrepr, kwargsrepr } = request
    return failed(wish.error ?? maxRetriesExceeded(task, id, argsrepr, kwargsrepr), wish.traceback, children, context)
  }
  const error = wish.error ?? retryError(plan.delay)
  const own: ResultTuple = { id: request.id, parent: undefined, members: undefined }
  const { args, kwargs } = wish
  const intent: RetryIntent = {
    ...{ retries: plan.retries, eta: plan.eta },
    ...(args === undefined ? undefined : { args }),
    ...(kwargs === undefined ? undefined : { kwargs }),
  }
  const meta = resultRecord(
    'RETRY',
    { error, traceback: wish.traceback, children: [...children, own], intent },
    context,
  )
  return [
    ...storeUnlessIgnored(meta, true, context),
    publishRetry(intent, context),
    emit({ type: 'task-retried', error: wish.error, traceback: wish.traceback, delay: plan.delay }),
    ...ackIfLate(context),
  ]
}

/** Celery stores the `Retry` itself when the handler named no cause. */
function retryError(delay: Ms): ExceptionInfo {
  return { type: 'Retry', args: [`Retry in ${delay / 1000}s`, null, delay / 1000], module: 'celery.exceptions' }
}

function publishRetry({ retries, eta, args, kwargs }: RetryIntent, context: SettleContext): Effect {
  const { request, delivery } = context
  return {
    kind: 'publish',
    task: {
      kind: 'retry',
      retries,
      eta,
      args,
      kwargs,
      publishId: `${request.id}:retry:${retries}:${delivery.enqueuedAt ?? ''}`,
    },
  }
}

function rejectedForGood(reason: string, children: readonly ResultTuple[], context: SettleContext): readonly Effect[] {
  const effects = [
    ...failure(rejected(reason), undefined, children, context),
    emit({ type: 'task-rejected', requeue: false }),
  ]
  return context.late ? [...effects, ...deadLetter('rejected', reason, context), { kind: 'ack' }] : effects
}

/** Too late after an early ack: nothing is left to put back, and the event says so. */
function requeued(context: SettleContext): readonly Effect[] {
  if (!context.late) return [emit({ type: 'task-returned', why: 'Reject(requeue) has no effect after an early ack' })]
  return [emit({ type: 'task-rejected', requeue: true }), { kind: 'requeue', counted: true, delay: undefined }]
}

function timedOut(limit: Ms, context: SettleContext): readonly Effect[] {
  if (context.late && !context.policy.acksOnTimeout) {
    return [emit({ type: 'task-rejected', requeue: true }), { kind: 'requeue', counted: true, delay: undefined }]
  }
  return [...failure(timeLimitExceeded(limit), undefined, [], context), ...ackIfLate(context)]
}

function lost(exit: string, context: SettleContext): readonly Effect[] {
  if (context.late && context.policy.rejectOnWorkerLost) {
    return [emit({ type: 'task-rejected', requeue: true }), { kind: 'requeue', counted: true, delay: undefined }]
  }
  return [...failure(workerLost(exit), undefined, [], context), ...ackIfLate(context)]
}

function cancelled(
  why: 'shutdown' | 'terminated' | 'lease-lost' | 'connection-lost',
  signal: string | undefined,
  context: SettleContext,
): readonly Effect[] {
  switch (why) {
    case 'shutdown':
      return context.late
        ? [emit({ type: 'task-returned', why: 'shutdown' }), { kind: 'requeue', counted: false, delay: undefined }]
        : failure(workerShutdown, undefined, [], context)
    case 'terminated':
      return [...revoked('terminated', signal, context), ...ackIfLate(context)]
    // The delivery is not ours any more: whoever has it now tells the rest.
    case 'lease-lost':
    case 'connection-lost':
      return [emit({ type: 'task-returned', why })]
    default:
      return why satisfies never
  }
}

function revoked(
  why: 'revoked' | 'expired' | 'terminated',
  signal: string | undefined,
  context: SettleContext,
): readonly Effect[] {
  const meta = resultRecord('REVOKED', { error: taskRevoked(why) }, context)
  const event: TaskEvent = {
    type: 'task-revoked',
    terminated: why === 'terminated',
    expired: why === 'expired',
    signal,
  }
  return [...storeUnlessIgnored(meta, false, context), ...afterRevocation(meta, context), emit(event)]
}

function storeUnlessIgnored(
  meta: ResultMeta,
  isError: boolean,
  context: SettleContext,
): readonly (Effect & { readonly kind: 'store' })[] {
  const { request, policy, keepsResults } = context
  const ignored = request.ignoreResult ?? policy.ignoreResult
  if (!keepsResults || (ignored && !(isError && policy.storeErrorsEvenIfIgnored))) return []
  return [{ kind: 'store', meta, ttl: policy.resultExpires, own: true }]
}

function trail(children: readonly ResultTuple[], context: SettleContext): readonly ResultTuple[] {
  return context.policy.trail ? [...children, ...successChildren(context)] : []
}

function deadLetter(reason: DeadLetterReason, detail: string, context: SettleContext): readonly Effect[] {
  const { delivery, request } = context
  const record = {
    reason,
    detail,
    queue: delivery.queue,
    exchange: delivery.exchange,
    routingKey: delivery.routingKey,
    deliveries: delivery.faults,
    firstSeen: delivery.enqueuedAt,
    diedAt: context.now,
    worker: context.worker,
  }
  const publishId = `${request.id}:dead:${request.retries}:${delivery.enqueuedAt ?? ''}`
  return [{ kind: 'dead-letter', record, publishId }, emit({ type: 'task-dead-lettered', reason, detail })]
}

/** A replayed failure that was to end in the dead-letter place gets there, too: the same publish id keeps it single. */
function deadLetterAgain(error: ExceptionInfo, context: SettleContext): readonly Effect[] {
  if (error.type === 'PoisonTaskError') {
    // A step that was to follow poison has failed with the same error (D60), and never was poison itself.
    const isOwn = context.delivery.faults >= context.policy.maxDeliveries
    return isOwn ? deadLetter('poison', 'replayed', context) : []
  }
  if (error.type === 'NotRegistered') return deadLetter('unknown-task', 'replayed', context)
  if (context.late && error.type === 'Reject') return deadLetter('rejected', 'replayed', context)
  if (context.late && !context.policy.acksOnFailure && error.module !== 'billiard.exceptions') {
    return deadLetter('rejected', `${error.type}; acksOnFailure is off`, context)
  }
  return []
}

function ackIfLate(context: SettleContext): readonly Effect[] {
  return context.late ? [{ kind: 'ack' }] : []
}

function emit(event: TaskEvent): Effect {
  return { kind: 'emit', event }
}
