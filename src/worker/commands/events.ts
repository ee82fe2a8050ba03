import type { Dict } from '../../protocol/dict.js'
import { name } from './check.js'
import type { WorkerView } from './worker-view.js'

const UNAVAILABLE = Object.freeze({ error: 'event dispatcher unavailable' })

export function enableEvents({ events, runtime }: Pick<WorkerView, 'events' | 'runtime'>): unknown {
  if (events === undefined) return UNAVAILABLE
  if (!events.enableTaskEvents()) return { ok: 'task events already enabled' }
  runtime.log.info('Events of group {task} enabled by remote.')
  return { ok: 'task events enabled' }
}

export function disableEvents({ events, runtime }: Pick<WorkerView, 'events' | 'runtime'>): unknown {
  if (events === undefined) return UNAVAILABLE
  if (!events.disableTaskEvents()) return { ok: 'task events already disabled' }
  runtime.log.info('Events of group {task} disabled by remote.')
  return { ok: 'task events disabled' }
}

export function heartbeat({ events }: Pick<WorkerView, 'events'>): unknown {
  events?.heartbeat()
  return undefined
}

export function election({ gossip }: Pick<WorkerView, 'gossip'>, args: Dict): unknown {
  gossip?.election(name(args['id'], 'id'), name(args['topic'], 'topic'), args['action'])
  return undefined
}
