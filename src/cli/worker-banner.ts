import type { App } from '../index.js'
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
    `.> concurrency: ${worker.concurrency} (inline)`,
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
