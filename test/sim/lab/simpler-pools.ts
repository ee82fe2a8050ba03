import type { Config, WorkerConfig } from './plan.js'

/** The same without children, and with children that do not retire; nothing where there are none. */
export function simplerPools(config: Config): readonly Config[] {
  if (!config.workers.some(({ children }) => children !== undefined)) return []
  const staying = config.workers.map(({ maxTasks: _, ...worker }): WorkerConfig => worker)
  const inline = staying.map(({ children: _, ...worker }): WorkerConfig => worker)
  return [inline, staying].map(workers => ({ ...config, workers }))
}
