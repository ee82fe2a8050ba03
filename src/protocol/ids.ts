import { ProtocolError } from './errors.js'
import { MAX_NAME_BYTES } from './limits.js'

/** Strings that must not be confused with each other. Made by the functions below, which check limit L06 (255 bytes). */
export type TaskId = string & { readonly __id: 'task' }
export type TaskName = string & { readonly __id: 'task-name' }
export type GroupId = string & { readonly __id: 'group' }
export type QueueName = string & { readonly __id: 'queue' }
export type NodeName = string & { readonly __id: 'node' }

/** Ids are any text, not only UUIDs (M22). Throws `ProtocolError` (malformed), as do the others here. */
export function taskId(text: string): TaskId {
  return checked(text, 'task id') as TaskId
}

export function taskName(text: string): TaskName {
  return checked(text, 'task name') as TaskName
}

export function groupId(text: string): GroupId {
  return checked(text, 'group id') as GroupId
}

export function queueName(text: string): QueueName {
  return checked(text, 'queue name') as QueueName
}

export function nodeName(text: string): NodeName {
  return checked(text, 'node name') as NodeName
}

/** Why a text cannot be a name on the wire (L06, M18), or undefined when it can. */
export function nameProblem(text: unknown): string | undefined {
  if (typeof text !== 'string') return `is ${text === null ? 'null' : typeof text}, not text`
  if (text.length === 0) return 'is empty'
  // 255 UTF-16 units and more than 85 may or may not fit; fewer always do.
  if (text.length > MAX_NAME_BYTES) return tooLong(text)
  if (text.length > MAX_NAME_BYTES / 3 && Buffer.byteLength(text) > MAX_NAME_BYTES) return tooLong(text)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x1f && unit < 0x7f) continue
    if (unit < 0x80 || /[\p{Cc}\p{Cs}]/u.test(text)) return 'holds a control character or half a surrogate pair'
    return undefined
  }
  return undefined
}

function tooLong(text: string): string {
  return `is ${Buffer.byteLength(text)} bytes long; at most ${MAX_NAME_BYTES} are allowed`
}

function checked(text: string, what: string): string {
  const problem = nameProblem(text)
  if (problem !== undefined) throw new ProtocolError('malformed', `the ${what} ${problem}`)
  return text
}
