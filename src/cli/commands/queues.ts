import type { Connection, QueueStats } from '../../brokers/broker.js'
import type { App } from '../../index.js'
import { type Command, defineCommand } from '../command.js'
import { withConnection } from '../connection.js'
import { EXIT } from '../exit-code.js'
import { list } from '../option.js'
import { queueRows } from '../queue-rows.js'
import { textTable } from '../text-table.js'

export const queues: Command = defineCommand({
  name: 'queues',
  summary: 'Show how much waits in each queue, and who consumes it.',
  description:
    'Shows every queue the broker has and every queue the app declares: messages ready to be taken, messages that workers hold, messages that are not due yet, and live consumers. Names ending in .dead hold messages that could not be run (see lovage dead).',
  options: { queues: list('-Q, --queues <names>', 'Only these queues.') },
  examples: [
    { line: 'lovage queues -A tasks.ts', does: 'All queues as a table.' },
    { line: 'lovage queues -b sqlite:///lovage.db --json', does: 'Of a broker, without an app, as JSON.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const found = await withConnection(app, io, async connection => {
      const rows = await collect(app, connection, options.queues)
      if (connection.unlisted !== undefined) context.out.remark(connection.unlisted)
      return rows
    })
    const rows = found.map(row => [row.queue, row.ready, row.held, row.delayed, row.consumers ?? '?'])
    context.out.result(found, () => textTable(['QUEUE', 'READY', 'HELD', 'DELAYED', 'CONSUMERS'], rows))
    return EXIT.ok
  },
})

async function collect(
  app: App,
  connection: Connection,
  wanted: readonly string[] | undefined,
): Promise<readonly QueueStats[]> {
  if (wanted !== undefined) {
    return await Promise.all(wanted.map(name => connection.stats(app.queues.resolve(name).name)))
  }
  return await queueRows(app, connection)
}
