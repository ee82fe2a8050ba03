import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleRunNow: Command = defineCommand({
  name: 'run-now',
  summary: 'Send a run of an entry at once.',
  description: 'Sends it beside the runs that are due, whatever its state, and prints the id of the task.',
  arguments: [{ name: 'name', description: 'The entry.', required: true }],
  options: {},
  examples: [{ line: 'lovage schedule run-now clean-up -A tasks.ts', does: 'One run now.' }],
  run: async context => {
    const name = entryName(context)
    const id = await withSchedule(context, book => book.runNow(name))
    context.out.result({ name, id }, () => [outside(id)])
    return EXIT.ok
  },
})
