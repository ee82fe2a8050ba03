import type { WorkerView } from './worker-view.js'

export function clock(worker: Pick<WorkerView, 'clock'>): unknown {
  return { clock: worker.clock.value }
}
