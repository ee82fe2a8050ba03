/** The scheduler: `import … from 'lovage/beat'`. */
export type { Beat, BeatStatus } from './beat/beat.js'
export type { Leader } from './beat/beat-store.js'
export type { Entry, EntryState, Misfire, Overlap } from './beat/entry.js'
export { BeatStoreError, EntryError } from './beat/errors.js'
export type { EntryInput } from './beat/read-entry.js'
export type { BookedEntry, BrokenEntry, ScheduleBook } from './beat/schedule-book.js'
export { openSchedule, type StartBeatOptions, startBeat } from './beat/start-beat.js'
export { describeSchedule } from './schedules/describe-schedule.js'
