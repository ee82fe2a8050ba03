import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleRemove: Command = defineCommand({
  name: 'remove',
  summary: 'Remove a stored entry.',
  description: 'Removes an entry of the store. Where it stood in the place of one of the code, that one is back.',
  arguments: [{ name: 'name', description: 'The entry.', required: true }],
  options: {},
  examples: [{ line: 'lovage schedule remove ping -A tasks.ts', does: 'It is gone.' }],
  run: async context => {
    const name = entryName(context)
    await withSchedule(context, book => book.remove(name))
    context.out.result({ name, removed: true }, () => [`Removed ${outside(name)}.`])
    return EXIT.ok
  },
})
