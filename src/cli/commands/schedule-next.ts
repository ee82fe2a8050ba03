import { type Command, defineCommand } from '../command.js'
import { UsageError } from '../errors.js'
import { EXIT } from '../exit-code.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleNext: Command = defineCommand({
  name: 'next',
  summary: 'Show when an entry is due next.',
  description: 'Shows the next times at which runs will be sent, in UTC.',
  arguments: [
    { name: 'name', description: 'The entry.', required: true },
    { name: 'count', description: 'How many times, 1 to 1000. Default: 10.', required: false },
  ],
  options: {},
  examples: [{ line: 'lovage schedule next clean-up 10 -A tasks.ts', does: 'The next ten times.' }],
  run: async context => {
    const count = Number(context.arguments['count']?.[0] ?? 10)
    if (!Number.isInteger(count) || count < 1 || count > 1000) {
      throw new UsageError(`argument count is ${context.arguments['count']?.[0]}; it takes 1 to 1000.`)
    }
    const times = await withSchedule(context, book => book.next(entryName(context), count))
    const shown = times.map(time => new Date(time).toISOString())
    context.out.result(shown, () => (shown.length === 0 ? ['never'] : shown))
    return EXIT.ok
  },
})
