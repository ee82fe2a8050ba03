import { applySignature } from '../canvas/apply.js'
import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import { exceptionRepr } from '../protocol/exception-repr.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ExceptionInfo, ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import {
  signatureChord,
  signatureErrbacks,
  signatureGroupId,
  signatureGroupIndex,
  signatureTaskId,
  wireOptions,
} from '../protocol/signature-options.js'
import type { Effect, OutgoingTask } from './effect.js'
import { chordError } from './exceptions.js'
import type { SettleContext } from './settle-context.js'

/*
 * What follows a final state, beyond the record itself: the chord hears of its part, callbacks and the next step of
 * the chain are published, or the errbacks and the rest of the chain are told. Everything created here has its id
 * fixed before anything is published (D43), so a replay creates nothing twice.
 */

/** Success: callbacks, next chain step, chord arrival. Source: celery/app/trace.py, order per reliability D42. */
export function afterSuccess(value: unknown, meta: ResultMeta, context: SettleContext): readonly Effect[] {
  if (endsAlone(context)) return arrival(meta, context)
  const published = [...callbackSignatures(context), ...chainStep(context)]
  return [
    ...arrival(meta, context),
    ...published.map(signature => publish(applySignature(signature, [value]), context)),
  ]
}

/** Failure: chord arrival, the same failure for every later step of the chain, errbacks. Source: celery/backends/base.py mark_as_failure. */
export function afterFailure(error: ExceptionInfo, meta: ResultMeta, context: SettleContext): readonly Effect[] {
  return [...arrival(meta, context), ...chainFailure(meta, context), ...errbackEffects(error, meta.traceback, context)]
}

/** Most tasks: nothing follows them. */
function endsAlone({ request }: SettleContext): boolean {
  return request.callbacks.length === 0 && request.chain.length === 0
}

const NO_CHILDREN: readonly ResultTuple[] = []

/** Ids of what `afterSuccess` publishes: stored as children beside those the task itself published. */
export function successChildren(context: SettleContext): readonly ResultTuple[] {
  if (endsAlone(context)) return NO_CHILDREN
  const published = [...callbackSignatures(context), ...chainStep(context)]
  return published.flatMap(signature => {
    const id = signatureTaskId(signature)
    return id === undefined ? [] : [{ id, parent: undefined, members: undefined }]
  })
}

/** Every part of a chord is there: its body with the list of values, or the body's failure and errbacks. */
export function chordEffects(
  chord: GroupId,
  parts: readonly ResultMeta[],
  body: Signature,
  context: SettleContext,
): readonly Effect[] {
  const failed = parts.find(part => part.status !== 'SUCCESS')
  const id = signatureTaskId(body) ?? derivedId(chord, 'chord-body', 0)
  const fixed = withId(body, id)
  if (failed === undefined) {
    const values = parts.map(part => part.result)
    return [publish(applySignature(fixed, [values]), context), { kind: 'close-chord', chord }]
  }
  const cause = failed.error === undefined ? failed.status : exceptionRepr(failed.error)
  const error = chordError(`Dependency ${failed.taskId} raised ${cause}`)
  return [
    foreignFailure(id, error, undefined, context),
    ...publishErrbacks(signatureErrbacks(body), id, error, undefined, context),
    { kind: 'close-chord', chord },
  ]
}

/** The chord hears of its part. A revoked part counts, too, but runs no errbacks (D73). */
export function arrival(meta: ResultMeta, context: SettleContext): readonly Effect[] {
  const { chord, group, groupIndex, id } = context.request
  if (chord === undefined || group === undefined) return []
  const part = { chord: group, index: groupIndex, taskId: id, meta, size: chord.chordSize }
  return [{ kind: 'arrive', part, body: chord, ttl: context.policy.resultExpires }]
}

/** One callback stands alone; several that are no groups travel as members of one new group, as Celery sends them. */
function callbackSignatures(context: SettleContext): readonly Signature[] {
  const { callbacks } = context.request
  const bundled = callbacks.length > 1
  const group = derivedId(context.request.id, 'callbacks', context.request.retries) as string as GroupId
  let index = 0
  return callbacks.map((callback, position) => {
    const fixed = withId(callback, childId(callback, 'callback', position, context))
    if (!bundled || callback.subtaskType === 'group') return fixed
    return applySignature(fixed, [], wireOptions({ groupId: group, groupIndex: index++ }))
  })
}

/** The last element runs next and carries the rest. Source: celery/app/trace.py (chain in reverse order). */
function chainStep(context: SettleContext): readonly Signature[] {
  const { chain } = context.request
  const next = chain.at(-1)
  if (next === undefined) return []
  const fixed = withId(next, childId(next, 'chain', 0, context))
  const rest = chain.slice(0, -1)
  return [rest.length === 0 ? fixed : applySignature(fixed, [], wireOptions({ chain: rest }))]
}

/** Without this a client that waits on the last id of a chain would never wake. */
function chainFailure(meta: ResultMeta, context: SettleContext): readonly Effect[] {
  return context.request.chain.flatMap((step): readonly Effect[] => {
    const id = signatureTaskId(step)
    if (id === undefined) return []
    const copy: ResultMeta = { ...meta, taskId: id, children: undefined }
    const body = signatureChord(step)
    const chord = signatureGroupId(step)
    const store = storeForeign(copy, context)
    if (body === undefined || chord === undefined) return store
    const part = { chord, index: signatureGroupIndex(step), taskId: id, meta: copy, size: body.chordSize }
    return [...store, { kind: 'arrive', part, body, ttl: context.policy.resultExpires }]
  })
}

function errbackEffects(
  error: ExceptionInfo,
  traceback: string | undefined,
  context: SettleContext,
): readonly Effect[] {
  return publishErrbacks(context.request.errbacks, context.request.id, error, traceback, context)
}

/** Inline ones are called here with the error; all others are published with the id of the failed task. */
function publishErrbacks(
  errbacks: readonly Signature[],
  failed: TaskId,
  error: ExceptionInfo,
  traceback: string | undefined,
  context: SettleContext,
): readonly Effect[] {
  return errbacks.map((errback, index): Effect => {
    if (context.inlineErrback(errback.task)) return { kind: 'errback', signature: errback, error, traceback }
    const id = signatureTaskId(errback) ?? derivedId(failed, 'errback', index)
    return publish(applySignature(withId(errback, id), [failed]), context, failed)
  })
}

function publish(signature: Signature, context: SettleContext, parent?: TaskId): Effect {
  const { request, inheritPriority } = context
  const task: OutgoingTask = {
    kind: 'signature',
    signature,
    parentId: parent ?? request.id,
    rootId: request.rootId,
    priority: inheritPriority ? request.priority : undefined,
    publishId: `${signatureTaskId(signature)}:${request.id}:${context.delivery.enqueuedAt ?? ''}`,
  }
  return { kind: 'publish', task }
}

/** FAILURE of a task that will never run because of ours. */
function foreignFailure(
  id: TaskId,
  error: ExceptionInfo,
  traceback: string | undefined,
  context: SettleContext,
): Effect {
  const meta: ResultMeta = {
    taskId: id,
    status: 'FAILURE',
    result: undefined,
    error,
    traceback,
    children: undefined,
    dateDone: context.dateDone,
  }
  return { kind: 'store', meta, ttl: context.policy.resultExpires, own: false }
}

function storeForeign(meta: ResultMeta, context: SettleContext): readonly Effect[] {
  return context.keepsResults ? [{ kind: 'store', meta, ttl: context.policy.resultExpires, own: false }] : []
}

function withId(signature: Signature, taskId: TaskId): Signature {
  return applySignature(signature, [], wireOptions({ taskId }))
}

function childId(signature: Signature, kind: string, index: number, context: SettleContext): TaskId {
  const { id, retries } = context.request
  return signatureTaskId(signature) ?? derivedId(id, `${kind}:${index}`, retries)
}

/** D43: `uuidv5(namespace, parent + kind + index + retries)`. */
function derivedId(parent: TaskId | GroupId, kind: string, n: number): TaskId {
  return uuid5(LOVAGE_NAMESPACE, `${parent}:${kind}:${n}`) as TaskId
}
