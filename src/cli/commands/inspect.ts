import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { chosenCommand, commandArguments, offeredCommands } from '../remote-command.js'
import { remoteCommandList } from '../remote-command-list.js'
import { askOptions, noReply, online, REMOTE_OPTIONS } from '../remote-options.js'

export const inspect: Command = defineCommand({
  name: 'inspect',
  summary: 'Ask running workers about themselves.',
  description: [
    "Sends a question to all workers, or to those of --destination, and prints what each answers: Lovage's workers and Celery's.",
    'An app may add commands of its own (app.inspectCommand).',
    ...remoteCommandList(offeredCommands('inspect')),
  ].join('\n\n'),
  arguments: [
    { name: 'command', description: 'What to ask.', required: true },
    { name: 'words', description: "The command's arguments.", required: false, variadic: true },
  ],
  options: REMOTE_OPTIONS,
  examples: [
    { line: 'lovage inspect active -A tasks.ts', does: 'Tasks that are being executed, by worker.' },
    { line: 'lovage inspect query_task 0c3c… -d celery@a,celery@b', does: 'What two workers know of a task.' },
    { line: 'lovage inspect stats --json', does: 'As JSON, by node name.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const command = chosenCommand('inspect', context.arguments['command']?.[0] ?? '', app)
    const given = commandArguments(command, context.arguments['words'] ?? [])
    const replies = await app.inspect(askOptions(options, context.out, io, 'reply')).request(command.name, given)
    if (Object.keys(replies).length === 0) throw noReply()
    context.out.result(replies, () => [])
    online(replies, context.out)
    return EXIT.ok
  },
})
