import type { ModuleExports } from '../lib/node-load-module.js'

/** What modules of the user's may import of this copy of lovage. */
export async function doors(): Promise<Readonly<Record<string, ModuleExports>>> {
  const [lovage, worker, beat, ports] = await Promise.all([
    import('../index.js'),
    import('../worker.js'),
    import('../beat.js'),
    import('../ports.js'),
  ])
  return { lovage, 'lovage/worker': worker, 'lovage/beat': beat, 'lovage/ports': ports }
}
