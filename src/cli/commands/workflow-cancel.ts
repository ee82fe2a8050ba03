import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { flag, text } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

export const workflowCancel: Command = defineCommand({
  name: 'cancel',
  summary: 'Revoke a whole workflow.',
  description:
    'Revokes every task of a workflow, also those that nobody has sent yet. What runs goes on, unless --terminate is given. Works for any root id, tracked or not.',
  arguments: [{ name: 'id', description: 'The root of the workflow.', required: true }],
  options: {
    terminate: flag('--terminate', 'End also what runs.'),
    signal: text('--signal <name>', 'With --terminate: signal that ends a task. Default: SIGTERM.'),
  },
  examples: [
    { line: 'lovage workflow cancel 8f511516-e2f5-4da4-9d2f-0fb83a86e500 --terminate -A tasks.ts', does: 'At once.' },
  ],
  run: async (context, { terminate, signal }, _io) => {
    const { app } = await context.loadApp()
    const id = context.arguments['id']?.[0] ?? ''
    const open = await app.workflows.cancel(id, { terminate, signal })
    context.out.result({ id, open }, () => [`Cancelled ${outside(id)}: ${counted(open, 'known task')} had not ended.`])
    return EXIT.ok
  },
})
