import { workerStatsToDict } from '../../protocol/command-replies.js'
import { brokerInfo } from './broker-info.js'
import { poolInfo } from './pool-info.js'
import type { WorkerView } from './worker-view.js'

export function stats(worker: WorkerView): unknown {
  const { runtime, pool, work, settings } = worker
  return workerStatsToDict({
    total: work.total,
    pid: runtime.host.pid,
    clock: worker.clock.value,
    uptime: runtime.clock.steady() - worker.startedAt,
    pool: poolInfo(pool.stats(), settings),
    broker: brokerInfo(worker.brokerUrl, settings),
    prefetchCount: worker.queues.prefetch,
    usage: runtime.host.usage?.(),
    autoscaler: pool.autoscaler?.info(),
  })
}
