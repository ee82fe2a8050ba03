import type { App, Settings } from '../index.js'
import { maskUrl } from '../lib/mask-url.js'
import type { Worker } from '../worker.js'
import { outside } from './output.js'

/** What a worker prints when it starts: who it is, where it works, which queues it serves, which tasks it has. */
export function workerBanner(app: App, worker: Worker, version: string): readonly string[] {
  const { settings } = app
  const queues = app.queues.consumed()
  const tasks = [...app.tasks.keys()].toSorted()
  return [
    `${outside(worker.name)}  lovage ${version}`,
    '',
    '[config]',
    `.> app:         ${outside(app.name)}`,
    `.> transport:   ${outside(maskUrl(settings.brokerUrl))}`,
    `.> results:     ${settings.resultBackend === undefined ? 'disabled' : outside(maskUrl(settings.resultBackend))}`,
    `.> concurrency: ${slots(worker)} (${worker.poolKind})`,
    `.> prefetch:    ${prefetch(settings)}`,
    ...limits(app),
    '',
    '[queues]',
    ...queues.map(queue => {
      const exchange = queue.exchange
      const route =
        exchange === undefined
          ? 'default exchange'
          : `exchange=${outside(exchange.name)}(${exchange.type}) key=${outside(queue.routingKey ?? '')}`
      return `.> ${outside(queue.name).padEnd(16)} ${route}`
    }),
    '',
    '[tasks]',
    ...tasks.map(name => `. ${outside(name)}`),
    '',
  ]
}

function slots({ autoscale, concurrency }: Worker): string {
  return autoscale === undefined ? String(concurrency) : `{min=${autoscale.min}, max=${autoscale.max}}`
}

function prefetch({ workerDisablePrefetch, workerPrefetchMultiplier }: Settings): string {
  if (workerDisablePrefetch) return 'off: only what can run now'
  return workerPrefetchMultiplier === 0 ? 'no limit' : `${workerPrefetchMultiplier} per slot`
}

function limits(app: App): readonly string[] {
  const limited = [...app.tasks.keys()].filter(name => app.policy(name).limits !== undefined).length
  if (limited === 0) return []
  const tasks = limited === 1 ? '1 task' : `${limited} tasks`
  return [`.> limits:      ${app.settings.workerDisableRateLimits ? 'rates are off' : `of ${tasks}`}`]
}
