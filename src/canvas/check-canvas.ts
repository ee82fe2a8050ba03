import { DEFAULT_LIMITS, type Limits } from '../protocol/limits.js'
import type { Signature } from '../protocol/signature.js'
import { asSignature, isSignature, type LinkOption, linksOf } from '../protocol/signature-place.js'
import { endsOf } from './ends.js'
import { CanvasError } from './errors.js'
import { bodyOf, headerOf, kindOf, membersOf } from './members.js'
import { unrolled } from './pipe.js'

/*
 * Refuses what can never run, before anything is sent, with the path of the offending member. What it looks at are the
 * members that composites hold and everything that is linked to them; the arguments of tasks are the encoder's business.
 */

const COMPOSITES: ReadonlySet<string> = new Set(['chain', 'group', 'chord'])

/** Celery's other types, which travel as plain tasks. */
const PLAIN: ReadonlySet<string> = new Set(['xmap', 'xstarmap', 'chunks', 'abstract'])

/** Options that hold signatures. */
const LINKS: readonly LinkOption[] = ['link', 'linkError']

/** Throws `CanvasError`. Depth is limited by L07, which also ends what contains itself. */
export function checkCanvas(canvas: unknown, limits: Limits = DEFAULT_LIMITS, path: string = pathOf(canvas)): void {
  look(canvas, path, 1, limits)
}

function look(value: unknown, path: string, depth: number, limits: Limits): void {
  if (depth > limits.canvasDepth)
    throw new CanvasError(path, `it is nested more than ${limits.canvasDepth} deep (L07), or contains itself`)
  const signature = read(value, path)
  for (const option of LINKS) lookAtMembers(linksAt(signature, option, path), `${path}.${option}`, depth, limits)
  const type = signature.subtaskType
  if (type === null || PLAIN.has(type)) return
  if (!COMPOSITES.has(type)) throw new CanvasError(path, `there is no kind of signature called '${type}'`)
  if (type === 'chord') lookAtChord(signature, path, depth, limits)
  else lookAtMembers(signature.kwargs['tasks'], `${path}.tasks`, depth, limits)
}

function lookAtChord({ kwargs }: Signature, path: string, depth: number, limits: Limits): void {
  const { header, body } = kwargs
  if (body === null || body === undefined) throw new CanvasError(`${path}.body`, 'a chord needs a body')
  if (header === null || header === undefined) throw new CanvasError(`${path}.header`, 'a chord needs a header')
  if (Array.isArray(header)) lookAtMembers(header, `${path}.header`, depth, limits)
  else look(header, `${path}.header`, depth + 1, limits)
  look(body, `${path}.body`, depth + 1, limits)
}

function lookAtMembers(tasks: unknown, path: string, depth: number, limits: Limits): void {
  if (!Array.isArray(tasks)) throw new CanvasError(path, `it is ${typeof tasks}, not a list of signatures`)
  for (let at = 0; at < tasks.length; at++) look(tasks[at], `${path}[${at}]`, depth + 1, limits)
}

function linksAt(signature: Signature, option: LinkOption, path: string): readonly Signature[] {
  try {
    return linksOf(signature, option)
  } catch (cause) {
    throw new CanvasError(`${path}.${option}`, cause instanceof Error ? cause.message : String(cause))
  }
}

function read(value: unknown, path: string): Signature {
  try {
    return asSignature(value)
  } catch (cause) {
    throw new CanvasError(path, cause instanceof Error ? cause.message : String(cause))
  }
}

/** Where in a canvas, which has passed `checkCanvas`, results are counted; undefined = nowhere. */
export function gatheringIn(canvas: Signature, path: string = pathOf(canvas)): string | undefined {
  for (const option of LINKS) {
    const found = firstGathering(linksOf(canvas, option), `${path}.${option}`)
    if (found !== undefined) return found
  }
  switch (kindOf(canvas)) {
    case 'chord':
      // An empty header is no header.
      return membersOf(headerOf(canvas)).length > 0 ? path : gatheringIn(bodyOf(canvas), `${path}.body`)
    case 'group':
      return firstGathering(membersOf(canvas), `${path}.tasks`)
    case 'chain': {
      const steps = membersOf(canvas)
      // What follows a group waits for all of it.
      const followed = steps.findIndex((step, at) => at < steps.length - 1 && endsOf(unrolled(step)).length > 1)
      return followed === -1 ? firstGathering(steps, `${path}.tasks`) : `${path}.tasks[${followed}]`
    }
    default:
      return undefined
  }
}

function firstGathering(members: readonly Signature[], path: string): string | undefined {
  for (const [at, member] of members.entries()) {
    const found = gatheringIn(member, `${path}[${at}]`)
    if (found !== undefined) return found
  }
  return undefined
}

export function pathOf(canvas: unknown): string {
  return isSignature(canvas) ? (canvas.subtaskType ?? canvas.task) : 'canvas'
}
