import { LovageError } from '../lib/errors.js'
import { nameProblem } from '../protocol/ids.js'

/** What every event has, and nobody else gives it. */
const TAKEN: ReadonlySet<string> = new Set(['type', 'hostname', 'pid', 'clock', 'timestamp', 'utcoffset'])

/** Throws `LVG_BAD_OPTION` when receivers would take it for none. */
export function checkEvent(type: string, fields: Readonly<Record<string, unknown>>): void {
  if (typeof type !== 'string' || !/^\w+-./.test(type) || nameProblem(type) !== undefined) {
    throw bad(`The type of an event is a group and a subject, such as 'task-progress'; not ${String(type)}.`)
  }
  if (typeof fields !== 'object' || fields === null)
    throw bad(`Event ${type}: its fields are an object with a member each.`)
  const taken = Object.keys(fields).find(name => TAKEN.has(name))
  if (taken !== undefined)
    throw bad(`Event ${type}: every event has a \`${taken}\` of its own; give the field another name.`)
}

function bad(message: string): LovageError {
  return new LovageError('LVG_BAD_OPTION', message)
}
