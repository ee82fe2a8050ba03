import { openParentLine } from '../pools/child/open-parent-line.js'
import { PoolChild } from './pool-child.js'

/* The module that runs in every child of a pool, process or thread. Pools are given its URL. */

new PoolChild(openParentLine(), async () => {
  const [lovage, worker, ports] = await Promise.all([
    import('../index.js'),
    import('../worker.js'),
    import('../ports.js'),
  ])
  return { lovage, 'lovage/worker': worker, 'lovage/ports': ports }
}).serve()
