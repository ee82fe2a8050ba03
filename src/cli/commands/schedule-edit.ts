import { describeSchedule } from '../../beat.js'
import { type Command, defineCommand } from '../command.js'
import { ENTRY_OPTIONS, readEntryOptions } from '../entry-options.js'
import { UsageError } from '../errors.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleEdit: Command = defineCommand({
  name: 'edit',
  summary: 'Change an entry.',
  description:
    'Changes what is given and leaves the rest, its past too. An entry of the code stays there; a stored one takes its place until that is removed.',
  arguments: [{ name: 'name', description: 'The entry.', required: true }],
  options: ENTRY_OPTIONS,
  examples: [{ line: 'lovage schedule edit ping -A tasks.ts --every 1m', does: 'Another interval.' }],
  run: async (context, options, io) => {
    const changes = await readEntryOptions(options, io)
    if (Object.keys(changes).length === 0) throw new UsageError('nothing to change: give an option, such as --every.')
    const entry = await withSchedule(context, book => book.edit(entryName(context), changes))
    context.out.result(entry, () => [
      `Changed ${outside(entry.name)}: ${entry.task}, ${describeSchedule(entry.schedule)}.`,
    ])
    return EXIT.ok
  },
})
