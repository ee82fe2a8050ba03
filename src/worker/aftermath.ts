import { type Errback, errbacksOf } from '../canvas/ends.js'
import { kindOf } from '../canvas/members.js'
import { replacement } from '../canvas/replacement.js'
import { allSteps, laterSteps, nextStep } from '../protocol/chain-steps.js'
import { chordError, dependencyRaised } from '../protocol/chord-error.js'
import type { GroupId } from '../protocol/ids.js'
import type { ExceptionInfo, ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { signatureTaskId, wireOptions, withOptions } from '../protocol/signature-options.js'
import { derivedId, type Followed, failCanvas, failureOf, follow } from './canvas-effects.js'
import type { Effect } from './effect.js'
import type { SettleContext } from './settle-context.js'

/*
 * What follows a final state, beyond the record itself: the chord hears of its part, callbacks and the next step of
 * the chain are published, or the errbacks and the rest of the chain are told. Everything created here has its id
 * fixed before anything is published (D43), so a replay creates nothing twice.
 */

/** Success: callbacks, next chain step, chord arrival. Source: celery/app/trace.py, order per reliability D42. */
export function afterSuccess(value: unknown, meta: ResultMeta, context: SettleContext): readonly Effect[] {
  if (endsAlone(context)) return arrival(meta, context)
  return [...arrival(meta, context), ...followers([value], context).flatMap(({ effects }) => effects)]
}

/** Failure: chord arrival, the same failure for every later step of the chain, errbacks. Source: celery/backends/base.py mark_as_failure. */
export function afterFailure(error: ExceptionInfo, meta: ResultMeta, context: SettleContext): readonly Effect[] {
  const { chain, errbacks, id } = context.request
  return [
    ...arrival(meta, context),
    // Without this a client that waits on the last id of a chain would never wake.
    ...allSteps(chain).flatMap(step => failCanvas(step, { ...meta, children: undefined }, context)),
    ...tellErrbacks(
      errbacks.map(errback => ({ id, errback })),
      error,
      meta.traceback,
      context,
    ),
  ]
}

/** Revoked or expired: its chord hears of it, and every later step of the chain is revoked with it; errbacks are not called (D73). */
export function afterRevocation(meta: ResultMeta, context: SettleContext): readonly Effect[] {
  const later = allSteps(context.request.chain).flatMap(step =>
    failCanvas(step, { ...meta, children: undefined }, context),
  )
  return [...arrival(meta, context), ...later]
}

/** Most tasks: nothing follows them. */
function endsAlone({ request }: SettleContext): boolean {
  return request.callbacks.length === 0 && request.chain.length === 0
}

const NO_CHILDREN: readonly ResultTuple[] = []

/** Results of what `afterSuccess` publishes: stored as children beside those the task itself published. */
export function successChildren(context: SettleContext): readonly ResultTuple[] {
  if (endsAlone(context)) return NO_CHILDREN
  return followers([], context).flatMap(({ result }) => (result === undefined ? [] : [result]))
}

/**
 * Callbacks, then the next step of the chain, which carries the rest. One callback stands alone; several that are no groups
 * travel as members of one new group, as Celery sends them. Source: celery/app/trace.py.
 */
function followers(args: readonly unknown[], context: SettleContext): readonly Followed[] {
  const { callbacks, chain, id } = context.request
  const bundle = derivedId(id, 'callbacks', 0) as string as GroupId
  let index = 0
  const called = callbacks.map((callback, position) => {
    const bundled = callbacks.length > 1 && kindOf(callback) !== 'group'
    const options = bundled ? wireOptions({ groupId: bundle, groupIndex: index++ }) : {}
    return follow(callback, args, `callback:${position}`, context, { options })
  })
  const next = nextStep(chain)
  if (next === undefined) return called
  const rest = laterSteps(chain)
  const options = rest.length === 0 ? {} : wireOptions({ chain: rest })
  return [...called, follow(next, args, 'chain:0', context, { options })]
}

/** Something else runs under the id of the task at hand, which itself has no end of its own. */
export function replaced(signature: Signature, context: SettleContext): readonly Effect[] {
  const { request } = context
  const { signature: instead, options } = replacement(signature, request)
  const key = `replace:${request.replacedTaskNesting}`
  return follow(instead, [], key, context, { options, parent: request.parentId ?? request.id }).effects
}

/** Every part of a chord is there: its body with the list of values, or the body's failure and errbacks. */
export function chordEffects(
  chord: GroupId,
  parts: readonly ResultMeta[],
  body: Signature,
  context: SettleContext,
): readonly Effect[] {
  const failed = parts.find(part => part.status !== 'SUCCESS')
  const close: Effect = { kind: 'close-chord', chord }
  const named = bodyOfChord(chord, body)
  if (failed === undefined) {
    const values = parts.map(part => part.result)
    return [...follow(named, [values], 'chord-body', context, { base: chord }).effects, close]
  }
  const error = chordError(dependencyRaised(failed))
  // A body that is a group ends with what went wrong in the header itself. Source: `_handle_group_chord_error`.
  const shown = kindOf(named) === 'group' ? (failed.error ?? error) : error
  return chordFailure(chord, shown, named, context)
}

/** The body never runs: whoever waits for it, and its errbacks, are told. */
export function chordFailure(
  chord: GroupId,
  error: ExceptionInfo,
  body: Signature,
  context: SettleContext,
): readonly Effect[] {
  const named = bodyOfChord(chord, body)
  return [
    ...failCanvas(named, failureOf(error, context), context),
    ...tellErrbacks(errbacksOf(named), error, undefined, context),
    { kind: 'close-chord', chord },
  ]
}

/** A body that was sent without an id gets one that everybody derives alike. */
export function bodyOfChord(chord: GroupId, body: Signature): Signature {
  if (kindOf(body) !== 'task' || signatureTaskId(body) !== undefined) return body
  return withOptions(body, wireOptions({ taskId: derivedId(chord, 'chord-body', 0) }))
}

/** The chord hears of its part. */
function arrival(meta: ResultMeta, context: SettleContext): readonly Effect[] {
  const { chord, group, groupIndex, id } = context.request
  if (chord === undefined || group === undefined) return []
  const part = { chord: group, index: groupIndex, taskId: id, meta, size: chord.chordSize }
  return [{ kind: 'arrive', part, body: chord, ttl: context.policy.chordLife }]
}

/** Inline ones are called here with the error; all others are published with the id of the failed task, the same whoever tells them. */
function tellErrbacks(
  errbacks: readonly Errback[],
  error: ExceptionInfo,
  traceback: string | undefined,
  context: SettleContext,
): readonly Effect[] {
  return errbacks.flatMap(({ id, errback }, index): readonly Effect[] => {
    if (context.inlineErrback(errback.task)) return [{ kind: 'errback', signature: errback, error, traceback }]
    return follow(errback, [id], `errback:${index}`, context, { parent: id, base: id }).effects
  })
}
