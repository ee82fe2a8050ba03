import type { Connection } from '../../brokers/broker.js'
import type { App } from '../../index.js'
import { type Command, defineCommand } from '../command.js'
import { withConnection } from '../connection.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'
import { queueRows } from '../queue-rows.js'
import { askOptions, noReply, online, REMOTE_OPTIONS } from '../remote-options.js'

export const status: Command = defineCommand({
  name: 'status',
  summary: 'Show which workers are online.',
  description:
    'Pings all workers and prints a line for each that answers. Queues in which messages wait, and which no worker consumes, are named on standard error.',
  options: REMOTE_OPTIONS,
  examples: [
    { line: 'lovage status -A tasks.ts', does: 'Workers that answer within a second.' },
    { line: 'lovage status -b redis:// -t 5 --json', does: 'Of a broker, without an app, as JSON.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const ask = askOptions(options, context.out, io, 'status')
    const replies = await app.inspect(ask).ping()
    const nodes = Object.keys(replies)
    const served = nodes.length === 0 ? new Set<string>() : await consumedBy(app, nodes)
    const lonely = await withConnection(app, io, connection => unserved(app, connection, served))
    for (const { queue, ready } of lonely) {
      context.out.warn(`${counted(ready, 'message')} in queue ${outside(queue)}, which no worker consumes`)
    }
    if (nodes.length === 0) throw noReply()
    context.out.result(replies, () => [])
    online(replies, context.out)
    return EXIT.ok
  },
})

/** What the workers say they consume: some brokers do not know it of Celery's. */
async function consumedBy(app: App, nodes: readonly string[]): Promise<ReadonlySet<string>> {
  const replies = await app.inspect({ destination: nodes }).activeQueues()
  const names = Object.values(replies).flatMap(reply => ('error' in reply ? [] : reply.map(({ name }) => name)))
  return new Set(names)
}

/** H41. Dead letters wait for people, and private queues for whoever owns them. */
async function unserved(app: App, connection: Connection, served: ReadonlySet<string>) {
  const rows = await queueRows(app, connection)
  return rows.filter(({ queue, ready, consumers }) => {
    const forWorkers = !queue.endsWith('.dead') && !queue.endsWith('.pidbox')
    return forWorkers && ready > 0 && (consumers ?? 0) === 0 && !served.has(queue)
  })
}
