import { type Command, defineCommand } from '../command.js'
import { withConnection } from '../connection.js'
import { EXIT } from '../exit-code.js'
import { textTable } from '../text-table.js'

export const listBindings: Command = defineCommand({
  name: 'bindings',
  summary: 'Show which exchange and routing key lead to which queue.',
  description:
    'Shows every binding the broker has. A queue can always be reached through the default exchange by its own name; that is not shown.',
  options: {},
  examples: [{ line: 'lovage list bindings -A tasks.ts', does: 'All bindings as a table.' }],
  run: async (context, _options, io) => {
    const { app } = await context.loadApp()
    const bindings = await withConnection(app, io, async connection => {
      await connection.declare({ queues: app.queues.declared })
      const found = await connection.bindings()
      if (connection.unlisted !== undefined) context.out.remark(connection.unlisted)
      return found
    })
    const rows = bindings.map(each => [each.queue, each.exchange, each.exchangeType, each.routingKey])
    context.out.result(bindings, () => textTable(['QUEUE', 'EXCHANGE', 'TYPE', 'ROUTING KEY'], rows))
    return EXIT.ok
  },
})
