import type { Schedule } from '../schedules/schedule.js'
import type { Entry, EntryState } from './entry.js'
import type { Source } from './entry-sources.js'

/** What a term knows of one entry. Kept and changed as long as there is an entry of that name. */
export interface Row {
  entry: Entry
  schedule: Schedule
  source: Source
  state: EntryState
  paused: boolean
  /** A run is being sent. */
  busy: boolean
  /** Why nothing comes any more, once it was said. */
  over: string | undefined
}
