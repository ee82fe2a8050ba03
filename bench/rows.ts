import type { Row } from './row.js'
import { beatOfMany } from './rows/beat.js'
import { controlLatencies } from './rows/control-latency.js'
import { delayed } from './rows/delayed.js'
import { depth } from './rows/depth.js'
import { fileDrains, serverDrains } from './rows/drain.js'
import { fileEnqueues, serverEnqueues } from './rows/enqueue.js'
import { eventsOn } from './rows/events-on.js'
import { idle } from './rows/idle.js'
import { fileLatency, serverLatencies } from './rows/latency.js'
import { memoryResults } from './rows/memory-results.js'
import { preforkHandover, twoCores, waits } from './rows/pools.js'
import { ready, readyCommand } from './rows/ready.js'
import { ripening } from './rows/ripening.js'
import { workflows } from './rows/workflows.js'

/** Every row, in the order they are run. `wanted`: how many tasks the rows about rates work on; whole thousands. */
export function allRows(wanted: number): readonly Row[] {
  const thousands = (count: number): number => Math.ceil(count / 1000) * 1000
  const tasks = thousands(wanted)
  const fewer = thousands(tasks / 2.5)
  return [
    ...fileDrains(tasks),
    memoryResults(thousands(tasks / 5)),
    fileLatency(),
    delayed(tasks),
    ripening(),
    idle(),
    ready(),
    readyCommand(),
    preforkHandover(tasks),
    twoCores('prefork'),
    twoCores('threads'),
    waits(),
    ...fileEnqueues(tasks, thousands(tasks / 25)),
    depth(),
    ...serverDrains(fewer),
    ...serverEnqueues(fewer, fewer / 10),
    ...serverLatencies(),
    ...eventsOn(fewer),
    ...controlLatencies(),
    ...workflows(),
    beatOfMany(),
  ]
}
