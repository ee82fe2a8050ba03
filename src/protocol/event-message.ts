import type { EpochMs } from '../lib/time.js'
import type { Codec } from './codec.js'
import { encodedBody } from './decode-task.js'
import { type Dict, setMember } from './dict.js'
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

export interface ClusterEvent {
  /** `<group>-<subject>`, such as `task-received`. */
  readonly type: string
  /** Node name of the sender. */
  readonly hostname: string
  readonly pid: number | undefined
  /** The sender's logical clock. */
  readonly clock: number
  readonly timestamp: EpochMs
  /** Hours west of UTC, floor of the division: Berlin in winter −1, Kolkata −6. */
  readonly utcoffset: number | undefined
  readonly fields: Readonly<Record<string, unknown>>
}

/** What one message held. `dropped` counts what was no event (M44); a message that is none at all counts once. */
export interface DecodedEvents {
  readonly events: readonly ClusterEvent[]
  readonly dropped: number
  /** Why the first one was dropped; for the log. */
  readonly detail: string | undefined
}

/** How a field is written: as it is, or ms here and seconds there. */
type Kind = 'text' | 'number' | 'flag' | 'list' | 'seconds' | 'scalar'

/** Our name → wire name and kind. */
type FieldTable = Readonly<Record<string, readonly [wire: string, kind: Kind]>>

const TASK: FieldTable = {
  uuid: ['uuid', 'text'],
  name: ['name', 'text'],
  args: ['args', 'text'],
  kwargs: ['kwargs', 'text'],
  rootId: ['root_id', 'text'],
  parentId: ['parent_id', 'text'],
  retries: ['retries', 'number'],
  eta: ['eta', 'text'],
  expires: ['expires', 'text'],
  queue: ['queue', 'text'],
  exchange: ['exchange', 'text'],
  routingKey: ['routing_key', 'text'],
  result: ['result', 'text'],
  runtime: ['runtime', 'seconds'],
  exception: ['exception', 'text'],
  traceback: ['traceback', 'text'],
  terminated: ['terminated', 'flag'],
  // The number that was sent, or a text when the pool reports a death.
  signum: ['signum', 'scalar'],
  expired: ['expired', 'flag'],
  requeue: ['requeue', 'flag'],
}

const WORKER: FieldTable = {
  freq: ['freq', 'seconds'],
  active: ['active', 'number'],
  processed: ['processed', 'number'],
  loadavg: ['loadavg', 'list'],
  swIdent: ['sw_ident', 'text'],
  swVer: ['sw_ver', 'text'],
  swSys: ['sw_sys', 'text'],
}

/** Source: celery/worker/request.py, celery/worker/heartbeat.py, celery/app/amqp.py (task-sent). */
const KNOWN: ReadonlyMap<string, FieldTable> = new Map([
  ...['sent', 'received', 'started', 'succeeded', 'failed', 'retried', 'revoked', 'rejected', 'cancelled'].map(
    subject => [`task-${subject}`, TASK] as const,
  ),
  ...['online', 'heartbeat', 'offline'].map(subject => [`worker-${subject}`, WORKER] as const),
])

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
  return eventMessage(eventMembers(event), event.hostname, codec, serializer)
}

/** A list, even of one: how workers send events of the group `task`. All from one node; at least one. Throws `EncodeError`. */
export function encodeEvents(
  events: readonly [ClusterEvent, ...ClusterEvent[]],
  codec: Codec,
  serializer?: string,
): Message {
  return eventMessage(events.map(eventMembers), events[0].hostname, codec, serializer)
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

function eventMessage(body: unknown, hostname: string, codec: Codec, serializer: string | undefined): Message {
  const encoded = codec.encode(body, { serializer })
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
  const table = KNOWN.get(event.type)
  const dict: Record<string, unknown> = {
    hostname: event.hostname,
    utcoffset: event.utcoffset ?? 0,
    pid: event.pid ?? null,
    clock: event.clock,
  }
  // Fields are plain records of ours or of a handler: there is nothing to inherit (bench row `events-on-sqlite`).
  for (const name in event.fields) {
    const value = event.fields[name] ?? null
    const known = table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
    if (known === undefined) setMember(dict, name, value)
    else dict[known[0]] = known[1] === 'seconds' && typeof value === 'number' ? value / 1000 : value
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
    fields: fieldsOf(dict, KNOWN.get(type)),
  }
}

function fieldsOf(dict: Dict, table: FieldTable | undefined): Dict {
  const fields: Record<string, unknown> = {}
  if (table !== undefined) {
    for (const [name, [wire, kind]] of Object.entries(table)) {
      if (Object.hasOwn(dict, wire)) fields[name] = fieldValue(dict[wire], kind)
    }
  }
  const known = new Set(Object.values(table ?? {}).map(([wire]) => wire))
  for (const [name, value] of Object.entries(dict)) {
    if (!known.has(name) && !ENVELOPE.has(name)) setMember(fields, name, value)
  }
  return fields
}

/** What is not of its kind is as good as missing. */
function fieldValue(value: unknown, kind: Kind): unknown {
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
