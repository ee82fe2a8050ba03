import { loadSql } from '../../../drivers/sqlite/load-sql.js'
import type { Operations, OperationsFactory } from '../../../drivers/sqlite/operations.js'
import type { EpochMs } from '../../../lib/time.js'
import type {
  DjangoClockedRow,
  DjangoCrontabRow,
  DjangoIntervalRow,
  DjangoSolarRow,
  DjangoTables,
  DjangoTaskRow,
} from '../../../schedules/django-rows.js'
import type { DjangoRun } from '../django-database.js'

const FOLDER = new URL('./sql/', import.meta.url)
const VERBS = [
  ...(['last-update', 'tasks', 'intervals', 'crontabs', 'solars', 'clocked', 'record', 'switch-off'] as const),
] as const

/** A type, not an interface: hosts want operations by index. */
export type DjangoOperations = Operations & {
  readonly reads: {
    lastUpdate(call: null): string | undefined
    tables(call: null): DjangoTables
  }
  readonly writes: {
    record(runs: readonly DjangoRun[]): void
  }
}

type Columns<R> = { readonly [K in keyof R]: string | number | null }

/** On the thread that owns the connection to the project's own file. */
export const operations: OperationsFactory<undefined, DjangoOperations> = db => {
  const sql = loadSql(FOLDER, VERBS)
  // Rows as SQLite has them: text and numbers.
  const all = <R>(text: string): readonly R[] => db.all<Columns<R>>(text) as unknown as readonly R[]
  return {
    reads: {
      lastUpdate: () => db.get<{ last: string | null }>(sql['last-update'])?.last ?? undefined,
      tables: () => ({
        tasks: all<DjangoTaskRow>(sql.tasks),
        intervals: all<DjangoIntervalRow>(sql.intervals),
        crontabs: all<DjangoCrontabRow>(sql.crontabs),
        solars: all<DjangoSolarRow>(sql.solars),
        clocked: all<DjangoClockedRow>(sql.clocked),
      }),
    },
    writes: {
      record: runs => {
        for (const { name, at, count, off } of runs) {
          if (off) db.run(sql['switch-off'], name, djangoText(at))
          else db.run(sql.record, name, djangoText(at), count)
        }
      },
    },
  }
}

/** UTC without an offset. Source: django/db/backends/sqlite3/operations.py `adapt_datetimefield_value`, with the fraction always there. */
function djangoText(at: EpochMs): string {
  return `${new Date(at).toISOString().slice(0, 23).replace('T', ' ')}000`
}
