import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { flag } from '../option.js'
import { outside } from '../output.js'
import { textTable } from '../text-table.js'

export const workflowList: Command = defineCommand({
  name: 'list',
  summary: 'List workflows.',
  description:
    'Lists the canvases that are under way, the newest first: those whose senders have trackWorkflows, as long as their results are kept.',
  options: { all: flag('--all', 'Also those that are over: succeeded, failed, cancelled, resumed.') },
  examples: [{ line: 'lovage workflow list -A tasks.ts', does: 'What is under way.' }],
  run: async (context, { all }, _io) => {
    const { app } = await context.loadApp()
    const found = await app.workflows.list({ all: all ?? false })
    const rows = found.map(({ id, state, sentAt, resumedAs }) => [
      outside(id),
      resumedAs === undefined ? state : `${state} as ${outside(resumedAs)}`,
      sentAt.toISOString(),
    ])
    context.out.result(found, () => (rows.length === 0 ? ['No workflows.'] : textTable(['ID', 'STATE', 'SENT'], rows)))
    return EXIT.ok
  },
})
