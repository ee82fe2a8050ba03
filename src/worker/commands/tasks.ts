import { type Dict, setMember } from '../../protocol/dict.js'
import { flag, ids } from './check.js'
import { requestInfo, scheduledInfo } from './request-info.js'
import type { HeldTask, WorkerView } from './worker-view.js'

/** Tasks in one answer: what is more would not fit into a reply (L17) anyway. */
const MAX_TASKS = 10_000

export function active(worker: Pick<WorkerView, 'name' | 'work'>, args: Dict): unknown {
  const safe = flag(args['safe'])
  return inState('active', worker).map(task => requestInfo(task, worker.name, { safe }))
}

/** What the next free slots are for; not what waits for an eta. */
export function reserved(worker: Pick<WorkerView, 'name' | 'work'>): unknown {
  return inState('reserved', worker).map(task => requestInfo(task, worker.name, { safe: false }))
}

/** What waits for its eta, the earliest first. */
export function scheduled(worker: Pick<WorkerView, 'name' | 'work'>): unknown {
  return inState('scheduled', worker)
    .toSorted((a, b) => (a.running.request.eta ?? 0) - (b.running.request.eta ?? 0))
    .map(task => scheduledInfo(task, worker.name))
}

/** `[state, info]` of each id that is held here; what waits for its eta is not found, as in Celery. */
export function queryTask(worker: Pick<WorkerView, 'name' | 'work'>, args: Dict): unknown {
  const wanted = new Set(ids(args['ids'], 'ids'))
  const found: Record<string, unknown> = {}
  for (const task of worker.work.held()) {
    const { id } = task.running.request
    if (task.state === 'scheduled' || !wanted.has(id)) continue
    setMember(found, id, [task.state, requestInfo(task, worker.name, { safe: false })])
  }
  return found
}

function inState(state: HeldTask['state'], { work }: Pick<WorkerView, 'work'>): readonly HeldTask[] {
  const found: HeldTask[] = []
  for (const task of work.held()) {
    if (task.state === state) found.push(task)
    if (found.length >= MAX_TASKS) break
  }
  return found
}
