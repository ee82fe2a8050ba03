import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { flag } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

export const workflowResume: Command = defineCommand({
  name: 'resume',
  summary: 'Go on with a workflow that stands still.',
  description:
    'Sends again what has failed or was revoked, under new ids, and what should have begun, has no record and is held by no worker. What has succeeded is not run again. A task that still waits in its queue would be there twice: with --failed-only nothing is sent that has no record. A workflow that was cancelled goes on as another one.',
  arguments: [{ name: 'id', description: 'The root of the workflow.', required: true }],
  options: { failedOnly: flag('--failed-only', 'Only what has failed or was revoked.') },
  examples: [
    { line: 'lovage workflow resume 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts', does: 'Go on where it failed.' },
  ],
  run: async (context, { failedOnly }, _io) => {
    const { app } = await context.loadApp()
    const resumed = await app.workflows.resume(context.arguments['id']?.[0] ?? '', { failedOnly })
    context.out.result(resumed, () => [
      `Sent ${counted(resumed.sent.length, 'task')} of ${outside(resumed.id)}; ${counted(resumed.underWay.length, 'task')} under way.`,
      ...resumed.sent.map(id => `  ${outside(id)}`),
    ])
    return EXIT.ok
  },
})
