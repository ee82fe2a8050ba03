import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'

export const workflowShow: Command = defineCommand({
  name: 'show',
  summary: 'Show the tasks of a workflow.',
  description:
    'Prints every task of a canvas with its state: what comes after something else stands below it, indented. PENDING means that nothing is stored: it has not been sent, or waits, or runs where trackStarted is off.',
  arguments: [{ name: 'id', description: 'The root of the workflow.', required: true }],
  options: {},
  examples: [
    { line: 'lovage workflow show 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts', does: 'How far it has come.' },
  ],
  run: async (context, _options, _io) => {
    const { app } = await context.loadApp()
    const view = await app.workflows.show(context.arguments['id']?.[0] ?? '')
    context.out.result(view, () => [
      `${outside(view.id)}  ${view.state}${view.resumedAs === undefined ? '' : ` as ${outside(view.resumedAs)}`}`,
      ...view.tasks.map(
        ({ id, task, state, depth }) => `${'  '.repeat(depth + 1)}${outside(task)} [${outside(id)}] ${outside(state)}`,
      ),
    ])
    return EXIT.ok
  },
})
