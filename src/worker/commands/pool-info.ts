import type { Settings } from '../../app/settings.js'
import type { PoolStats } from '../../pools/pool.js'
import type { PoolInfo } from '../../protocol/command-replies.js'

/** A pool as `stats` shows it. */
export function poolInfo(
  stats: PoolStats,
  { taskSoftTimeLimit, taskTimeLimit }: Pick<Settings, 'taskSoftTimeLimit' | 'taskTimeLimit'>,
): PoolInfo {
  return {
    implementation: `lovage.pools:${stats.kind}`,
    maxConcurrency: stats.initialSize,
    processes: stats.members,
    maxTasksPerChild: stats.maxTasksPerChild,
    softTimeLimit: taskSoftTimeLimit,
    timeLimit: taskTimeLimit,
    writes: stats.handed,
    writesTotal: stats.handedTotal,
    running: stats.running,
  }
}
