import { type ClusterEvent, EVENT_FIELDS, type EventField } from './cluster-event.js'

/**
 * A list of events as JSON, as `eventMembers` would have them, but put together from texts: objects made to be printed at once
 * are half of what events cost a worker (bench row `events-on-redis`). Undefined: one of them is none of Celery's own, or a field
 * is more than text, a number, a flag or nothing.
 */
export function printEvents(events: readonly ClusterEvent[]): string | undefined {
  const printer = new Printer()
  let list = ''
  for (const event of events) {
    const text = printer.print(event)
    if (text === undefined) return undefined
    list += list === '' ? text : `,${text}`
  }
  return `[${list}]`
}

/** What many events in a row have in common is printed once. */
class Printer {
  #beginning = ''
  #last: ClusterEvent | undefined
  #timestamp = ''

  print(event: ClusterEvent): string | undefined {
    const table = EVENT_FIELDS.get(event.type)
    if (table === undefined) return undefined
    const last = this.#last
    if (last === undefined || !speakAlike(event, last)) this.#beginning = beginning(event)
    if (event.timestamp !== last?.timestamp) this.#timestamp = String(event.timestamp / 1000)
    this.#last = event
    let text = this.#beginning + event.clock
    const { fields } = event
    for (const name in fields) {
      const field = table.get(name)
      const value = field === undefined ? undefined : printed(fields[name], field)
      if (field === undefined || value === undefined) return undefined
      text += field.begins + value
    }
    return `${text},"timestamp":${this.#timestamp},"type":"${event.type}"}`
  }
}

function speakAlike(event: ClusterEvent, other: ClusterEvent): boolean {
  return event.hostname === other.hostname && event.pid === other.pid && event.utcoffset === other.utcoffset
}

function beginning({ hostname, utcoffset, pid }: ClusterEvent): string {
  return `{"hostname":${JSON.stringify(hostname)},"utcoffset":${utcoffset ?? 0},"pid":${pid ?? null},"clock":`
}

function printed(value: unknown, { kind }: EventField): string | undefined {
  switch (typeof value) {
    case 'string':
      return BEYOND_QUOTES.test(value) ? JSON.stringify(value) : `"${value}"`
    case 'number':
      return printedNumber(kind === 'seconds' ? value / 1000 : value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'undefined':
      return 'null'
    default:
      return value === null ? 'null' : undefined
  }
}

function printedNumber(value: number): string | undefined {
  if (Number.isInteger(value)) return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : undefined
  return Number.isFinite(value) ? String(value) : undefined
}

/** Anything that is written otherwise in JSON than it is: quotes, backslashes, control characters, surrogates. */
const BEYOND_QUOTES = /[^ !#-[\]-\ud7ff\ue000-\uffff]/
