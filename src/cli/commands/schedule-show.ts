import { describeSchedule } from '../../beat.js'
import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'
import { entryName, withSchedule } from '../with-schedule.js'

export const scheduleShow: Command = defineCommand({
  name: 'show',
  summary: 'Show one entry, with what is remembered of it.',
  description: 'Shows all of an entry: what it sends, when, its last run and its next one.',
  arguments: [{ name: 'name', description: 'The entry.', required: true }],
  options: {},
  examples: [{ line: 'lovage schedule show clean-up -A tasks.ts', does: 'One entry.' }],
  run: async context => {
    const booked = await withSchedule(context, book => book.show(entryName(context)))
    const { entry, source, state, paused, next, why } = booked
    const shown: Readonly<Record<string, unknown>> = {
      ...entry,
      schedule: describeSchedule(entry.schedule),
      start: entry.start === undefined ? undefined : iso(entry.start),
      end: entry.end === undefined ? undefined : iso(entry.end),
      createdAt: entry.createdAt === undefined ? undefined : iso(entry.createdAt),
      from: source,
      paused,
      runs: state?.runs ?? 0,
      failures: state?.failures ?? 0,
      lastRun: state?.lastId === undefined ? undefined : `${state.lastId} at ${iso(state.sentAt)}`,
      lastError: state?.error,
      next: next === undefined ? why : iso(next),
    }
    context.out.result(booked, () =>
      Object.entries(shown).flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${outside(value)}`])),
    )
    return EXIT.ok
  },
})

function iso(instant: number | undefined): string {
  return instant === undefined ? 'an unknown time' : new Date(instant).toISOString()
}
