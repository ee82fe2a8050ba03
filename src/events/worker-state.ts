import type { EpochMs, Ms, SteadyMs } from '../lib/time.js'
import { cutText } from '../protocol/cut-text.js'
import type { ReceivedEvent } from './received-event.js'

/** What events have told of one run of a worker: a node name and a process. */
export interface WorkerState {
  /** Node name. */
  readonly hostname: string
  /** Undefined: only its tasks have been heard of. */
  readonly pid: number | undefined
  /** Time between heartbeats. */
  readonly freq: Ms
  readonly active: number | undefined
  readonly processed: number | undefined
  readonly loadavg: readonly number[] | undefined
  readonly swIdent: string | undefined
  readonly swVer: string | undefined
  readonly swSys: string | undefined
  readonly clock: number
  /** It has said good-bye, and nothing since. */
  readonly offline: boolean
  /** Its first sign of life, by the steady clock here. */
  readonly since: SteadyMs
  /** Its last sign of life, by both clocks here. */
  readonly lastSeen: SteadyMs
  readonly lastHeard: EpochMs
  /** How far its wall clock is ahead of ours, as its last heartbeat told; the way of the message is in it. */
  readonly skew: Ms
}

/** Where a worker has not said so. Source: celery/events/state.py `Worker.__init__`. */
const UNTOLD_FREQUENCY: Ms = 60_000
/** So many intervals without a sign of life, and it is taken for gone. Source: celery/events/state.py `HEARTBEAT_EXPIRE_WINDOW`. */
const MISSED = 2
const LONGEST_FREQUENCY: Ms = 86_400_000
const LONGEST_TEXT = 255
const LOADS = 3

/** The worker after an event of the group `worker` that it sent. */
export function workerAfter(before: WorkerState | undefined, event: ReceivedEvent): WorkerState {
  const base = before ?? firstSeen(event, event.pid)
  const { fields } = event
  return {
    ...base,
    freq: frequency(fields['freq']) ?? base.freq,
    active: count(fields['active']) ?? base.active,
    processed: count(fields['processed']) ?? base.processed,
    loadavg: loads(fields['loadavg']) ?? base.loadavg,
    swIdent: text(fields['swIdent']) ?? base.swIdent,
    swVer: text(fields['swVer']) ?? base.swVer,
    swSys: text(fields['swSys']) ?? base.swSys,
    clock: event.clock,
    offline: event.type === 'worker-offline',
    lastSeen: event.seenAt,
    lastHeard: event.receivedAt,
    skew: event.timestamp - event.receivedAt,
  }
}

/** The worker after an event about a task of its: a sign of life. */
export function workerAtWork(before: WorkerState | undefined, event: ReceivedEvent): WorkerState {
  const base = before ?? firstSeen(event, undefined)
  return { ...base, lastSeen: event.seenAt, lastHeard: event.receivedAt }
}

/** It has not said good-bye and not missed two heartbeats. */
export function isAlive(worker: WorkerState, now: SteadyMs): boolean {
  return !worker.offline && now < worker.lastSeen + worker.freq * MISSED
}

function firstSeen(event: ReceivedEvent, pid: number | undefined): WorkerState {
  return {
    hostname: event.hostname,
    pid,
    freq: UNTOLD_FREQUENCY,
    active: undefined,
    processed: undefined,
    loadavg: undefined,
    swIdent: undefined,
    swVer: undefined,
    swSys: undefined,
    clock: event.clock,
    offline: false,
    since: event.seenAt,
    lastSeen: event.seenAt,
    lastHeard: event.receivedAt,
    skew: 0,
  }
}

function frequency(value: unknown): Ms | undefined {
  return typeof value === 'number' && value > 0 && value <= LONGEST_FREQUENCY ? value : undefined
}

function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined
}

function loads(value: unknown): readonly number[] | undefined {
  const sound = Array.isArray(value) && value.length === LOADS && value.every(load => Number.isFinite(load))
  return sound ? (value as readonly number[]) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? cutText(value, LONGEST_TEXT) : undefined
}
