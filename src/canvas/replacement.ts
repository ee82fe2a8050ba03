import { allSteps } from '../protocol/chain-steps.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Signature } from '../protocol/signature.js'
import { type OptionChanges, wireOptions, withOptions } from '../protocol/signature-options.js'
import { partOptions } from '../protocol/signature-place.js'
import { CanvasError } from './errors.js'
import { addCallbacks } from './links.js'
import {
  accumulate,
  bodyOf,
  chainOf,
  chordOf,
  headerOf,
  kindOf,
  membersOf,
  withHeaderAndBody,
  withMembers,
} from './members.js'

export interface Replacement {
  readonly signature: Signature
  /** Over the signature's own, when it is applied. */
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * What runs in the place of a task: it ends with the task's id, its callbacks and errbacks, in its chord, and goes on with the
 * rest of its chain. A group, or what ends in one, is collected into a list first. Source: celery/app/task.py `Task.replace`, which
 * collects a group alone: members at the end of anything else have ids of their own, so that nobody ends with the task's.
 */
export function replacement(signature: Signature, request: TaskRequest): Replacement {
  const one = gathered(signature)
  const linked = addCallbacks(addCallbacks(one, 'link', request.callbacks), 'linkError', request.errbacks)
  const nesting: OptionChanges = { replacedTaskNesting: request.replacedTaskNesting + 1 }
  const changes: OptionChanges = {
    taskId: request.id,
    ...nesting,
    ...(request.group === undefined ? {} : { groupId: request.group }),
    ...(request.groupIndex === undefined ? {} : { groupIndex: request.groupIndex }),
    ...(request.chord === undefined ? {} : { chord: request.chord }),
    ...(request.chain.length === 0 ? {} : { chain: allSteps(request.chain) }),
    ...(request.replyTo === undefined ? {} : { replyTo: request.replyTo }),
  }
  return { signature: atEnd(linked, wireOptions(nesting)), options: wireOptions(changes) }
}

/** With one task at its end. */
function gathered(signature: Signature): Signature {
  if (kindOf(signature) === 'group') return chordOf(signature, accumulate)
  return endsInGroup(signature) ? chainOf([signature, accumulate]) : signature
}

function endsInGroup(signature: Signature): boolean {
  switch (kindOf(signature)) {
    case 'group':
      return true
    case 'chord':
      return endsInGroup(bodyOf(signature))
    case 'chain': {
      const last = membersOf(signature).at(-1)
      return last !== undefined && endsInGroup(last)
    }
    default:
      return false
  }
}

/**
 * What ends with the id of the task says that it is another one: it may come to the worker that is still telling the end of
 * that task, and must not be taken for a second delivery of it (D46).
 */
function atEnd(signature: Signature, options: Replacement['options']): Signature {
  switch (kindOf(signature)) {
    case 'chain': {
      const steps = membersOf(signature)
      const last = steps.at(-1)
      return last === undefined ? signature : withMembers(signature, [...steps.slice(0, -1), atEnd(last, options)])
    }
    case 'chord':
      return withHeaderAndBody(signature, headerOf(signature), atEnd(bodyOf(signature), options))
    case 'group':
      return withMembers(
        signature,
        membersOf(signature).map(member => atEnd(member, options)),
      )
    default:
      return withOptions(signature, options)
  }
}

/** Throws `CanvasError` for what can take no task's place. */
export function checkReplacement(signature: Signature): void {
  if (kindOf(signature) === 'chain' && membersOf(signature).length === 0) {
    throw new CanvasError('chain', 'an empty chain cannot take the place of a task')
  }
  if (partOptions(signature.options).place.chord !== undefined) {
    throw new CanvasError(
      signature.task,
      'a signature that is a part of a chord already cannot take the place of a task',
    )
  }
}
