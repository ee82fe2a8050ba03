import { openSchedule, type ScheduleBook } from '../beat.js'
import type { CommandContext } from './command.js'

/** Runs something on the schedule of the app that `-A` names, and closes it. */
export async function withSchedule<T>(context: CommandContext, act: (book: ScheduleBook) => Promise<T>): Promise<T> {
  const { app } = await context.loadApp()
  await using book = await openSchedule(app)
  return await act(book)
}

/** The argument that names an entry. */
export function entryName(context: CommandContext): string {
  return context.arguments['name']?.[0] ?? ''
}
