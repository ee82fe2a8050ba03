import { describeSchedule, type EntryInput } from '../../beat.js'
import { type Command, defineCommand } from '../command.js'
import { ENTRY_OPTIONS, readEntryOptions } from '../entry-options.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleAdd: Command = defineCommand({
  name: 'add',
  summary: 'Store a new entry.',
  description:
    'Checks an entry and stores it; the beat that leads heeds it within a second. Nothing is stored when any of it cannot be understood.',
  arguments: [{ name: 'name', description: 'Its name, unique among all entries.', required: true }],
  options: ENTRY_OPTIONS,
  examples: [
    {
      line: "lovage schedule add clean-up -A tasks.ts --task tasks.cleanUp --every '0 4 * * *' --zone Europe/Berlin",
      does: 'Every day at four, in Berlin.',
    },
    {
      line: 'lovage schedule add ping -A tasks.ts -t tasks.ping -e 30s -a \'["eu"]\' --overlap skip',
      does: 'Every thirty seconds, unless the last one still runs.',
    },
  ],
  run: async (context, options, io) => {
    const input = await readEntryOptions(options, io)
    // What is missing is said by whoever reads the entry.
    const entry = await withSchedule(context, book => book.add(entryName(context), input as EntryInput))
    context.out.result(entry, () => [
      `Added ${outside(entry.name)}: ${entry.task}, ${describeSchedule(entry.schedule)}.`,
    ])
    return EXIT.ok
  },
})
