import type { Doors } from '../lib/node-load-module.js'
import { nodeRuntime } from '../lib/node-runtime.js'
import { endLoading } from '../pools/child/loading.js'
import { openParentLine } from '../pools/child/open-parent-line.js'
import { loadChildApp } from './load-child-app.js'
import { PoolChild } from './pool-child.js'

/* The module that runs in every child of a pool, process or thread. Pools are given its URL. */

const doors: Doors = async () => {
  const [lovage, worker, ports] = await Promise.all([
    import('../index.js'),
    import('../worker.js'),
    import('../ports.js'),
  ])
  return { lovage, 'lovage/worker': worker, 'lovage/ports': ports }
}

new PoolChild(openParentLine(), async (source, log) => {
  const app = await loadChildApp(source, nodeRuntime({ log }), doors)
  endLoading()
  return app
}).serve()
