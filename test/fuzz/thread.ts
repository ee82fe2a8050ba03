import { parentPort, workerData } from 'node:worker_threads'
import { campaign } from './campaign.js'
import { allTargets } from './targets.js'
import type { ThreadOrder } from './watched.js'

const { runs, seed, from, slowest, progress } = workerData as ThreadOrder
const position = new Int32Array(progress)
const byName = new Map(allTargets().map(target => [target.name, target]))

for (const [at, { target: name, count }] of runs.entries()) {
  const target = byName.get(name)
  if (target === undefined) throw new Error(`there is no decoder '${name}'; there are ${[...byName.keys()].join(', ')}`)
  position[0] = at
  const began = (index: number): void => {
    position[1] = index
  }
  parentPort?.postMessage(await campaign(target, { seed, from, count, began, slowest }))
}
