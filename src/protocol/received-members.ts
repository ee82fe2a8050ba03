import type { EpochMs } from '../lib/time.js'
import type { ClusterEvent } from './cluster-event.js'
import { eventMembers } from './event-message.js'

export type EventMembers = Record<string, unknown>

/** An event as Celery's receivers hand it on: its members, and when it came. Source: celery/events/receiver.py `event_from_message`. */
export function receivedMembers(event: ClusterEvent, receivedAt: EpochMs): EventMembers {
  return { ...eventMembers(event), local_received: receivedAt / 1000 }
}
