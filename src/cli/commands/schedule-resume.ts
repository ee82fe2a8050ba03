import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleResume: Command = defineCommand({
  name: 'resume',
  summary: 'Let an entry go on.',
  description:
    'Sends again what was paused, or disabled because its runs failed. What was due meanwhile is not made up.',
  arguments: [{ name: 'name', description: 'The entry.', required: true }],
  options: {},
  examples: [{ line: 'lovage schedule resume clean-up -A tasks.ts', does: 'It goes on.' }],
  run: async context => {
    const name = entryName(context)
    await withSchedule(context, book => book.resume(name))
    context.out.result({ name, paused: false }, () => [`Resumed ${outside(name)}.`])
    return EXIT.ok
  },
})
