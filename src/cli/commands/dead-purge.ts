import { deadQueue } from '../../protocol/dead-letter.js'
import { queueName } from '../../protocol/ids.js'
import { type Command, defineCommand } from '../command.js'
import { confirm } from '../confirm.js'
import { withConnection } from '../connection.js'
import { eachDeadLetter, noSuchLetter } from '../dead-letters.js'
import { EXIT } from '../exit-code.js'
import { flag } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

export const deadPurge: Command = defineCommand({
  name: 'purge',
  summary: 'Drop dead letters for good.',
  description: 'Drops one dead letter, or all of a queue after asking. There is no way back.',
  arguments: [
    { name: 'queue', description: 'The queue they were in.', required: true },
    { name: 'id', description: 'Only this one. Default: all of the queue.', required: false },
  ],
  options: { force: flag('-f, --force', 'Do not ask.') },
  examples: [{ line: 'lovage dead purge celery -f -A tasks.ts', does: 'Empty the dead-letter place of a queue.' }],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const queue = queueName(context.arguments['queue']?.[0] ?? '')
    const id = context.arguments['id']?.[0]
    const question = `This drops all dead letters of queue ${outside(queue)} for good. Go on?`
    if (id === undefined && !options.force && !(await confirm(io, question, '--force'))) return EXIT.error
    const dropped = await withConnection(app, io, async connection => {
      if (id === undefined) return await connection.purge(deadQueue(queue))
      let found = 0
      await eachDeadLetter(connection, queue, async letter => {
        if (letter.id !== id) return 'kept'
        await letter.delivery.ack()
        found++
        return 'settled'
      })
      return found
    })
    if (id !== undefined && dropped === 0) throw noSuchLetter(queue, id)
    context.out.result({ messages: dropped }, () => [`Dropped ${counted(dropped, 'dead letter')}.`])
    return EXIT.ok
  },
})
