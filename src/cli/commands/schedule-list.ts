import { describeSchedule } from '../../beat.js'
import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { textTable } from '../text-table.js'
import { withSchedule } from '../with-schedule.js'

export const scheduleList: Command = defineCommand({
  name: 'list',
  summary: 'Show all entries, and when each is due next.',
  description:
    'Shows the entries of the code and of the store, side by side: what they send and when, how often they ran, and why one sends no more. Entries that cannot be kept are named on standard error, with the reason.',
  options: {},
  examples: [
    { line: 'lovage schedule list -A tasks.ts', does: 'All entries as a table.' },
    { line: 'lovage schedule list -A tasks.ts --json', does: 'As JSON.' },
  ],
  run: async context => {
    const { entries, broken, leader } = await withSchedule(context, async book => ({
      ...(await book.list()),
      leader: await book.leader(),
    }))
    for (const { error } of broken) context.out.warn(error.message)
    if (leader === undefined) context.out.remark('No beat runs: nothing is sent.')
    const rows = entries.map(({ entry, source, state, paused, next, why }) => [
      entry.name,
      entry.task,
      describeSchedule(entry.schedule),
      source,
      state?.runs ?? 0,
      paused ? 'paused' : next === undefined ? (why ?? 'never') : new Date(next).toISOString(),
    ])
    const broke = broken.map(({ name, error }) => ({ name, error: error.message }))
    context.out.result({ leader: leader?.holder, entries, broken: broke }, () =>
      textTable(['NAME', 'TASK', 'SCHEDULE', 'FROM', 'RUNS', 'NEXT'], rows),
    )
    return broken.length === 0 ? EXIT.ok : EXIT.error
  },
})
