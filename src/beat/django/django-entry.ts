import type { EpochMs } from '../../lib/time.js'
import type { DjangoEntry } from '../../schedules/django-entries.js'
import { type Entry, type EntryState, newState } from '../entry.js'
import type { DjangoRun } from './django-database.js'

/** What is remembered of an entry: where a row tells of a later run than we know, somebody else's beat has sent it. */
export function djangoState({ last }: DjangoEntry, known: EntryState | undefined, now: EpochMs): EntryState {
  if (known === undefined) return newState(last ?? now)
  return last !== undefined && last > known.last ? { ...known, last } : known
}

/** A row as an entry is written, to be checked like any other. */
export function djangoInput(row: DjangoEntry, state: EntryState | undefined): Readonly<Record<string, unknown>> {
  const { task, args, kwargs, schedule, enabled, queue, exchange, routingKey, priority, headers, end, expiresIn } = row
  const expires = end === undefined ? (expiresIn === undefined ? undefined : expiresIn / 1000) : new Date(end)
  return {
    ...{ task, args, kwargs, schedule, enabled, start: row.start },
    options: { queue, exchange, routingKey, priority, headers, expires },
    // From that instant on there is none.
    end: end === undefined ? undefined : end - 1,
    maxRuns: row.oneOff ? runsOfOneOff(row, state) : undefined,
  }
}

/** As the tables mean it: whoever never ran before the start is due right then. */
export function djangoEntry(entry: Entry): Entry {
  return entry.start === undefined ? entry : { ...entry, dueAtStart: true }
}

/** An entry that was to run once, has, and is still switched on: whoever has sent it died before it could say so. */
export function owedRun(row: DjangoEntry, state: EntryState): DjangoRun | undefined {
  if (!row.oneOff || !row.enabled || !hasRun(row, state)) return undefined
  return { name: row.name, at: state.last, count: 0, off: true }
}

function runsOfOneOff(row: DjangoEntry, state: EntryState | undefined): number {
  const runs = state?.runs ?? 0
  return hasRun(row, state) ? Math.max(1, runs) : runs + 1
}

/** Since somebody has last touched its row: who switches it on again wants it to run again. */
function hasRun({ totalRunCount, changed }: DjangoEntry, state: EntryState | undefined): boolean {
  if (totalRunCount > 0) return true
  return state?.sentAt !== undefined && (changed ?? Number.NEGATIVE_INFINITY) <= state.sentAt
}
