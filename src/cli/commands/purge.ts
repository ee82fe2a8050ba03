import type { Queue } from '../../brokers/broker.js'
import { type Command, defineCommand } from '../command.js'
import { confirm } from '../confirm.js'
import { withConnection } from '../connection.js'
import { EXIT } from '../exit-code.js'
import { flag, list } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

export const purge: Command = defineCommand({
  name: 'purge',
  summary: 'Drop all messages that wait in the task queues.',
  description:
    'Drops every message that waits in the queues of the app, delayed ones included. Tasks that workers have already taken are not touched. There is no way back, so it asks first; where nobody can answer it does nothing unless told -f.',
  options: {
    queues: list('-Q, --queues <names>', 'Only these queues. Default: all queues the app declares.'),
    excludeQueues: list('-X, --exclude-queues <names>', 'Not these queues.'),
    force: flag('-f, --force', 'Do not ask.'),
  },
  examples: [
    { line: 'lovage purge -A tasks.ts', does: 'Ask, then empty all declared queues.' },
    { line: 'lovage purge -A tasks.ts -Q mail,thumbnails -f', does: 'Empty two queues without asking.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const queues = app.queues.consumed(options.queues, options.excludeQueues ?? [])
    const names = queues.map(queue => outside(queue.name)).join(', ')
    const question = `This drops all messages in ${counted(queues.length, 'queue')} for good: ${names}. Go on?`
    if (!options.force && !(await confirm(io, question, '--force'))) return EXIT.error
    const dropped = await withConnection(app, io, connection => purgeAll(queues, queue => connection.purge(queue.name)))
    const total = dropped.reduce((sum, each) => sum + each.messages, 0)
    context.out.result({ messages: total, queues: dropped }, () => [
      total === 0
        ? `No messages purged from ${counted(queues.length, 'queue')}.`
        : `Purged ${counted(total, 'message')} from ${counted(queues.length, 'queue')}.`,
    ])
    return EXIT.ok
  },
})

async function purgeAll(
  queues: readonly Queue[],
  purgeOne: (queue: Queue) => Promise<number>,
): Promise<readonly { readonly queue: string; readonly messages: number }[]> {
  const dropped = []
  for (const queue of queues) dropped.push({ queue: queue.name, messages: await purgeOne(queue) })
  return dropped
}
