import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { chosenCommand, commandArguments, offeredCommands } from '../remote-command.js'
import { remoteCommandList } from '../remote-command-list.js'
import { askOptions, noReply, REMOTE_OPTIONS } from '../remote-options.js'

export const control: Command = defineCommand({
  name: 'control',
  summary: 'Tell running workers what to do.',
  description: [
    "Sends a command to all workers, or to those of --destination, and prints what each answers: Lovage's workers and Celery's.",
    'An app may add commands of its own (app.controlCommand). shutdown is never answered: it is only sent.',
    ...remoteCommandList(offeredCommands('control')),
  ].join('\n\n'),
  arguments: [
    { name: 'command', description: 'What to do.', required: true },
    { name: 'words', description: "The command's arguments.", required: false, variadic: true },
  ],
  options: REMOTE_OPTIONS,
  examples: [
    { line: 'lovage control rate_limit img.resize 10/m', does: 'Every worker starts at most ten a minute.' },
    { line: 'lovage control revoke 0c3c… 77aa…', does: 'Two tasks that have not begun will not.' },
    { line: 'lovage control shutdown -d celery@old', does: 'One worker ends, warmly.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const command = chosenCommand('control', context.arguments['command']?.[0] ?? '', app)
    const given = commandArguments(command, context.arguments['words'] ?? [])
    const ask = askOptions(options, context.out, io, 'reply')
    if (command.name === 'shutdown') {
      await app.control.broadcast(command.name, given, ask)
      context.out.remark('Sent; a worker that shuts down does not answer.')
      return EXIT.ok
    }
    const replies = await app.control.broadcast(command.name, given, { ...ask, reply: true })
    const list = Object.entries(replies).map(([node, reply]) => ({ [node]: reply }))
    if (list.length === 0) throw noReply()
    context.out.result(list, () => [])
    return EXIT.ok
  },
})
