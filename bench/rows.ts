import type { Row } from './row.js'
import { bullMqNoop } from './rows/bullmq-noop.js'
import { delayed } from './rows/delayed.js'
import { depth } from './rows/depth.js'
import { enqueueBulk, enqueueOne } from './rows/enqueue.js'
import { idle } from './rows/idle.js'
import { latency } from './rows/latency.js'
import { memoryResults } from './rows/memory-results.js'
import { ready, readyCommand } from './rows/ready.js'
import { ripening } from './rows/ripening.js'
import { sqliteNoop } from './rows/sqlite-noop.js'

/** Every row, in the order they are run. `wanted`: how many tasks the rows about rates work on; whole thousands. */
export function allRows(wanted: number): readonly Row[] {
  const thousands = (count: number): number => Math.ceil(count / 1000) * 1000
  const tasks = thousands(wanted)
  return [
    sqliteNoop('os', tasks),
    sqliteNoop('full', tasks),
    bullMqNoop('os', tasks),
    bullMqNoop('full', tasks),
    memoryResults(thousands(tasks / 5)),
    latency(),
    delayed(tasks),
    ripening(),
    idle(),
    ready(),
    readyCommand(),
    enqueueBulk('os', tasks),
    enqueueBulk('full', tasks),
    enqueueOne('os', thousands(tasks / 25)),
    enqueueOne('full', thousands(tasks / 25)),
    depth(),
  ]
}
