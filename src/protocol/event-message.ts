import type { EpochMs } from '../lib/time.js'
import { type ClusterEvent, EVENT_FIELDS, type EventFields, type FieldKind } from './cluster-event.js'
import type { Codec, Encoded } from './codec.js'
import { encodedBody } from './decode-task.js'
import { type Dict, setMember } from './dict.js'
import { printEvents } from './event-printer.js'
import { nameProblem } from './ids.js'
import type { Message } from './message.js'
import { msOfSeconds } from './wire-seconds.js'

/*
 * Events on the wire: `{hostname, utcoffset, pid, clock, <fields>, timestamp, type}`, one object or a list of them.
 * Source: celery/events/event.py `Event`, dispatcher.py `EventDispatcher`, receiver.py `EventReceiver`.
 *
 * Dict of Celery's own events have our names and units (spans and times in ms); those of other events are left as
 * they are. A field without value is null on the wire and undefined here.
 */

/** What one message held. `dropped` counts what was no event (M44); a message that is none at all counts once. */
export interface DecodedEvents {
  readonly events: readonly ClusterEvent[]
  readonly dropped: number
  /** Why the first one was dropped; for the log. */
  readonly detail: string | undefined
}

const ENVELOPE: ReadonlySet<string> = new Set([
  'type',
  'hostname',
  'pid',
  'clock',
  'timestamp',
  'utcoffset',
  'local_received',
])

/** M44, per event. */
const MAX_EVENT_BYTES = 1024 * 1024

/** `task-received` → `task.received`: where an event travels alone. */
export function eventRoutingKey(type: string): string {
  return type.replaceAll('-', '.')
}

/** `task-received` → `task.multi`: where a list of events of that group travels. */
export function eventBatchRoutingKey(type: string): string {
  return `${type.slice(0, type.indexOf('-'))}.multi`
}

/** One event on its own. Throws `EncodeError`. */
export function encodeEvent(event: ClusterEvent, codec: Codec, serializer?: string): Message {
  return eventMessage(codec.encode(eventMembers(event), { serializer }), event.hostname)
}

/** A list, even of one: how workers send events of the group `task`. All from one node; at least one. Throws `EncodeError`. */
export function encodeEvents(
  events: readonly [ClusterEvent, ...ClusterEvent[]],
  codec: Codec,
  serializer?: string,
): Message {
  const text = serializer === 'json' ? printEvents(events) : undefined
  const encoded = text === undefined ? codec.encode(events.map(eventMembers), { serializer }) : codec.encodeJson(text)
  return eventMessage(encoded, events[0].hostname)
}

/** `now`: with it, an event from more than a day ahead is dropped. Never throws. */
export function decodeEvents(message: Message, codec: Codec, now?: EpochMs): DecodedEvents {
  const decoded = codec.decode(encodedBody(message))
  if (decoded.kind === 'undecodable') return { events: [], dropped: 1, detail: decoded.detail }
  const values: readonly unknown[] = Array.isArray(decoded.value) ? decoded.value : [decoded.value]
  if (message.body.length > MAX_EVENT_BYTES * Math.max(1, values.length)) {
    return { events: [], dropped: Math.max(1, values.length), detail: `${message.body.length} bytes are too many` }
  }
  const sender = message.headers['hostname']
  const events: ClusterEvent[] = []
  let detail: string | undefined
  for (const value of values) {
    const problem = eventProblem(value, sender, now)
    if (problem === undefined) events.push(eventFromDict(value as Dict))
    else detail ??= problem
  }
  return { events, dropped: values.length - events.length, detail }
}

function eventMessage(encoded: Encoded, hostname: string): Message {
  return {
    headers: { hostname },
    properties: {
      contentType: encoded.contentType,
      contentEncoding: encoded.contentEncoding,
      deliveryMode: 1,
      priority: 0,
    },
    body: encoded.body,
  }
}

/** The members of an event as they travel. */
export function eventMembers(event: ClusterEvent): Dict {
  const table = EVENT_FIELDS.get(event.type)
  const dict: Record<string, unknown> = {
    hostname: event.hostname,
    utcoffset: event.utcoffset ?? 0,
    pid: event.pid ?? null,
    clock: event.clock,
  }
  // Fields are plain records of ours or of a handler: there is nothing to inherit (bench row `events-on-sqlite`).
  for (const name in event.fields) {
    const value = event.fields[name] ?? null
    const known = table?.get(name)
    if (known === undefined) setMember(dict, name, value)
    else dict[known.wire] = known.kind === 'seconds' && typeof value === 'number' ? value / 1000 : value
  }
  dict['timestamp'] = event.timestamp / 1000
  dict['type'] = event.type
  return dict
}

function eventProblem(value: unknown, sender: unknown, now: EpochMs | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is not an object'
  const { type, hostname, timestamp, clock, uuid } = value as Dict
  if (typeof type !== 'string' || !/^\w+-./.test(type) || nameProblem(type) !== undefined) return 'it has no type'
  if (nameProblem(hostname) !== undefined) return 'it has no hostname'
  if (typeof sender === 'string' && sender !== hostname) return 'it speaks for another node'
  if (typeof timestamp !== 'number' || !Number.isFinite(timestamp)) return 'it has no timestamp'
  if (now !== undefined && timestamp * 1000 > now + 86_400_000) return 'it comes from the future'
  if (!Number.isSafeInteger(clock) || (clock as number) < 0) return 'it has no clock'
  if (type.startsWith('task-') && nameProblem(uuid) !== undefined) return 'it has no uuid'
  return undefined
}

// The shape has been checked by eventProblem.
function eventFromDict(dict: Dict): ClusterEvent {
  const type = dict['type'] as string
  const { pid, utcoffset } = dict
  return {
    type,
    hostname: dict['hostname'] as string,
    pid: typeof pid === 'number' ? pid : undefined,
    clock: dict['clock'] as number,
    timestamp: msOfSeconds(dict['timestamp'] as number),
    utcoffset: typeof utcoffset === 'number' ? utcoffset : undefined,
    fields: fieldsOf(dict, EVENT_FIELDS.get(type)),
  }
}

function fieldsOf(dict: Dict, table: EventFields | undefined): Dict {
  const fields: Record<string, unknown> = {}
  const known = new Set<string>()
  for (const [name, { wire, kind }] of table ?? []) {
    known.add(wire)
    if (Object.hasOwn(dict, wire)) fields[name] = fieldValue(dict[wire], kind)
  }
  for (const [name, value] of Object.entries(dict)) {
    if (!known.has(name) && !ENVELOPE.has(name)) setMember(fields, name, value)
  }
  return fields
}

/** What is not of its kind is as good as missing. */
function fieldValue(value: unknown, kind: FieldKind): unknown {
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? value : undefined
    case 'number':
      return typeof value === 'number' ? value : undefined
    case 'flag':
      return typeof value === 'boolean' ? value : undefined
    case 'list':
      return Array.isArray(value) ? value : undefined
    case 'seconds':
      return typeof value === 'number' ? msOfSeconds(value) : undefined
    case 'scalar':
      return typeof value === 'string' || typeof value === 'number' ? value : undefined
    default:
      return kind satisfies never
  }
}
