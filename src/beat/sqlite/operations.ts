import { loadSql } from '../../drivers/sqlite/load-sql.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import type { Operations, OperationsFactory } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { BeatChanges, BeatRecord, Leader, Leadership } from '../beat-store.js'

const FOLDER = new URL('./sql/', import.meta.url)
const VERBS = ['changes', 'lead', 'lease', 'resign', 'version', 'write'] as const

/** A type, not an interface: hosts want operations by index. */
export type BeatOperations = Operations & {
  readonly reads: {
    leader(call: null): Leader | undefined
    changes(cursor: number): BeatChanges
  }
  readonly writes: {
    lead(call: { readonly holder: string; readonly ttl: Ms }): Leadership
    resign(holder: string): void
    write(call: { readonly records: readonly BeatRecord[]; readonly term: number | undefined }): 'written' | 'fenced'
  }
}

interface LeaseRow extends Record<string, string | number | null> {
  readonly holder: string | null
  readonly term: number
  readonly until: number
  readonly ttl: number
}

/** The beats' verbs, on the thread that owns its connection. */
export const operations: OperationsFactory<undefined, BeatOperations> = (db, context) => {
  migrate(db, { component: 'beat', steps: [loadSql(FOLDER, ['schema-1'])['schema-1']] })
  const sql = loadSql(FOLDER, VERBS)
  const lease = (): LeaseRow => db.get<LeaseRow>(sql.lease) ?? { holder: null, term: 0, until: 0, ttl: 0 }
  const version = (): number => db.get<{ version: number }>(sql.version)?.version ?? 0
  const current = (): Leader | undefined => {
    const { holder, term, until, ttl } = lease()
    const left = until - context.monotonic()
    // More than it can be: of the time before the machine was started anew.
    return holder === null || left <= 0 || left > ttl ? undefined : { holder, term, left }
  }
  return {
    reads: {
      leader: () => current(),
      changes: cursor => ({
        cursor: version(),
        records: db.all<{ key: string; value: string | null }>(sql.changes, cursor).map(({ key, value }) => ({
          key,
          value: value ?? undefined,
        })),
      }),
    },
    writes: {
      lead: ({ holder, ttl }) => {
        const now = current()
        if (now !== undefined && now.holder !== holder) {
          return { kind: 'following', leader: now.holder, left: now.left }
        }
        const term = now?.term ?? lease().term + 1
        db.run(sql.lead, holder, term, Math.floor(context.monotonic() + ttl), ttl)
        return { kind: 'leading', term }
      },
      resign: holder => {
        db.run(sql.resign, holder)
      },
      write: ({ records, term }) => {
        if (term !== undefined && current()?.term !== term) return 'fenced'
        const next = version() + 1
        for (const { key, value } of records) db.run(sql.write, key, value ?? null, next)
        return 'written'
      },
    },
  }
}
