import { everyoneIn } from '../canvas/ends.js'
import { planCanvas } from '../canvas/plan.js'
import { LOVAGE_NAMESPACE, uuid5 } from '../lib/uuid.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ExceptionInfo, ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import {
  signatureChord,
  signatureGroupId,
  signatureGroupIndex,
  signatureTaskId,
  withOptions,
} from '../protocol/signature-options.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import type { Effect, OutgoingTask } from './effect.js'
import type { SettleContext } from './settle-context.js'

/*
 * A canvas as effects of a worker: publishing what runs next, or telling everybody who waits for it that it never will.
 * Every id is derived from the task that causes it, so that a repetition makes the same messages (D43).
 */

export interface Followed {
  readonly effects: readonly Effect[]
  /** Undefined: it can never be published, and `effects` tell so. */
  readonly result: ResultTuple | undefined
}

export interface FollowOptions {
  /** In wire names, over the signature's own. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Instead of the task at hand. */
  readonly parent?: TaskId
  /** What ids are derived from, instead of the task at hand: several workers may publish the same. */
  readonly base?: TaskId | GroupId
}

/** What `signature` comes to when it is called with `args` because of the task at hand; `key` names this one call. */
export function follow(
  signature: Signature,
  args: readonly unknown[],
  key: string,
  context: SettleContext,
  how: FollowOptions = {},
): Followed {
  const { options = {}, base = context.request.id } = how
  // Whoever publishes it, on whichever attempt: it is the same. An earlier attempt, come again, may tell the end of a later one.
  let drawn = 0
  // The first id is that of the one task that most callbacks are.
  const draw = (): TaskId => {
    const nth = drawn++
    return derivedId(base, nth === 0 ? key : `${key}:${nth}`, 0)
  }
  try {
    const plan = planCanvas(signature, { args, options, draw })
    return { effects: plan.steps.map(step => effectOf(step, how, context)), result: plan.result }
  } catch (cause) {
    const { error } = exceptionInfoOf(cause)
    return {
      effects: failCanvas(withOptions(signature, options), failureOf(error, context), context),
      result: undefined,
    }
  }
}

/** D43: the same from whoever tells the same end. */
export function derivedId(parent: TaskId | GroupId, kind: string, n: number): TaskId {
  return uuid5(LOVAGE_NAMESPACE, `${parent}:${kind}:${n}`) as TaskId
}

function effectOf(step: WorkflowStep, { parent, base }: FollowOptions, context: SettleContext): Effect {
  if (step.kind === 'publish') return publish(step.signature, context, parent, base)
  const { chord, parts, body, header, ends } = step
  return { kind: 'open-chord', chord, parts, body, header, ends, ttl: context.policy.chordLife }
}

export function publish(
  signature: Signature,
  context: SettleContext,
  parent?: TaskId,
  base?: TaskId | GroupId,
): Effect {
  const { request, inheritPriority } = context
  const task: OutgoingTask = {
    kind: 'signature',
    signature,
    parentId: parent ?? request.id,
    rootId: request.rootId,
    priority: inheritPriority ? request.priority : undefined,
    publishId: base === undefined ? publishIdOf(signature, context) : `${signatureTaskId(signature)}:${base}`,
  }
  return { kind: 'publish', task }
}

/** A task that takes the place of this one has its id; what tells the two apart is how often that has happened. */
function publishIdOf(signature: Signature, { request, delivery }: SettleContext): string {
  const id = signatureTaskId(signature)
  const nesting = id === request.id ? `:${request.replacedTaskNesting}` : ''
  return `${id}:${request.id}:${delivery.enqueuedAt ?? ''}${nesting}`
}

/**
 * Nothing of this canvas and of what follows it will run: the failure is stored under every id that somebody may wait for, and
 * every chord that waits for it hears of its part. Source: celery/backends/base.py `mark_as_failure`, which tells the steps of
 * a chain.
 */
export function failCanvas(signature: Signature, failure: ResultMeta, context: SettleContext): readonly Effect[] {
  return everyoneIn(signature).flatMap((end): readonly Effect[] => {
    const id = signatureTaskId(end)
    if (id === undefined) return []
    const copy: ResultMeta = { ...failure, taskId: id, children: undefined }
    const stored: readonly Effect[] = context.keepsResults
      ? [{ kind: 'store', meta: copy, ttl: context.policy.resultExpires, own: false }]
      : []
    const body = signatureChord(end)
    const chord = signatureGroupId(end)
    if (body === undefined || chord === undefined) return stored
    const part = { chord, index: signatureGroupIndex(end), taskId: id, meta: copy, size: body.chordSize }
    return [...stored, { kind: 'arrive', part, body, ttl: context.policy.chordLife }]
  })
}

/** FAILURE of a task that will never run because of ours; its id is filled in by `failCanvas`. */
export function failureOf(error: ExceptionInfo, context: SettleContext, traceback?: string): ResultMeta {
  return {
    taskId: context.request.id,
    status: 'FAILURE',
    result: undefined,
    error,
    traceback,
    children: undefined,
    dateDone: context.dateDone,
  }
}
