import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const schedulePause: Command = defineCommand({
  name: 'pause',
  summary: 'Let an entry rest.',
  description: 'Nothing of it is sent until it is resumed; also for entries of the code.',
  arguments: [{ name: 'name', description: 'The entry.', required: true }],
  options: {},
  examples: [{ line: 'lovage schedule pause clean-up -A tasks.ts', does: 'No more runs for now.' }],
  run: async context => {
    const name = entryName(context)
    await withSchedule(context, book => book.pause(name))
    context.out.result({ name, paused: true }, () => [`Paused ${outside(name)}.`])
    return EXIT.ok
  },
})
