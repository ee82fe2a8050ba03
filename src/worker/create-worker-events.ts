import type { Ms } from '../lib/time.js'
import { spanOption } from './span-option.js'
import { wonElection } from './won-election.js'
import { WorkerEvents, type WorkerEventsParts } from './worker-events.js'
import type { WorkerOptions } from './worker-options.js'

/** Celery's cadence. Source: celery/worker/heartbeat.py. */
const HEARTBEAT: Ms = 2000

/** What of its events a worker's options ask for. Throws `ConfigError` `LVG_BAD_OPTION`. */
export function createWorkerEvents(
  { heartbeatInterval, withoutHeartbeat, withoutGossip }: WorkerOptions,
  parts: Omit<WorkerEventsParts, 'heartbeat' | 'gossip' | 'elected'>,
): WorkerEvents {
  const { app, broker } = parts
  const interval = spanOption(heartbeatInterval, 'heartbeatInterval') ?? HEARTBEAT
  return new WorkerEvents({
    ...parts,
    heartbeat: withoutHeartbeat === true ? undefined : interval,
    gossip: !(withoutGossip ?? broker.features.storesBroadcasts === true),
    elected: (topic, action) => wonElection(topic, action, app),
  })
}
