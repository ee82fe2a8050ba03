import type { EpochMs } from '../lib/time.js'

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

/** How a field is written: as it is, or ms here and seconds there. */
export type FieldKind = 'text' | 'number' | 'flag' | 'list' | 'seconds' | 'scalar'

export interface EventField {
  /** On the wire. */
  readonly wire: string
  readonly kind: FieldKind
  /** How it begins as a member of a JSON object that has others before it. */
  readonly begins: string
}

/** By our names. */
export type EventFields = ReadonlyMap<string, EventField>

const TASK: EventFields = fields({
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
})

const WORKER: EventFields = fields({
  freq: ['freq', 'seconds'],
  active: ['active', 'number'],
  processed: ['processed', 'number'],
  loadavg: ['loadavg', 'list'],
  swIdent: ['sw_ident', 'text'],
  swVer: ['sw_ver', 'text'],
  swSys: ['sw_sys', 'text'],
})

/** Of Celery's own events, by type. Source: celery/worker/request.py, celery/worker/heartbeat.py, celery/app/amqp.py (task-sent). */
export const EVENT_FIELDS: ReadonlyMap<string, EventFields> = new Map([
  ...['sent', 'received', 'started', 'succeeded', 'failed', 'retried', 'revoked', 'rejected', 'cancelled'].map(
    subject => [`task-${subject}`, TASK] as const,
  ),
  ...['online', 'heartbeat', 'offline'].map(subject => [`worker-${subject}`, WORKER] as const),
])

function fields(table: Readonly<Record<string, readonly [wire: string, kind: FieldKind]>>): EventFields {
  return new Map(
    Object.entries(table).map(([name, [wire, kind]]) => [name, { wire, kind, begins: `,${JSON.stringify(wire)}:` }]),
  )
}
