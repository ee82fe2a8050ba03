import { loadSql } from '../../drivers/sqlite/load-sql.js'
import { migrate, type Schema } from '../../drivers/sqlite/migrate.js'
import type { Operations, OperationsFactory } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { OutboxRow } from './outbox-row.js'

const FOLDER = new URL('./sqlite-sql/', import.meta.url)
const VERBS = ['done', 'postpone', 'put', 'take', 'waiting'] as const

export type OutboxStatements = Readonly<Record<(typeof VERBS)[number], string>>

export function loadOutboxStatements(): OutboxStatements {
  return loadSql(FOLDER, VERBS)
}

export function outboxSchema(): Schema {
  return { component: 'outbox', steps: [loadSql(FOLDER, ['schema-1'])['schema-1']] }
}

/** A type, not an interface: hosts want operations by index. */
export type OutboxOperations = Operations & {
  readonly reads: {
    /** Asked before taking: taking writes, and so waits for the user's own transactions. */
    any(call: null): boolean
  }
  readonly writes: {
    take(call: { readonly limit: number; readonly leaseMs: Ms }): readonly OutboxRow[]
    done(ids: readonly number[]): void
    postpone(call: { readonly ids: readonly number[]; readonly pauseMs: Ms }): void
  }
}

/** The relay's verbs, on the thread that owns its connection. */
export const operations: OperationsFactory<undefined, OutboxOperations> = (db, context) => {
  migrate(db, outboxSchema())
  const sql = loadOutboxStatements()
  const now = (): number => Math.floor(context.clock.now())
  return {
    reads: { any: () => db.get(sql.waiting, now(), 1) !== undefined },
    writes: {
      take: ({ limit, leaseMs }) => {
        const rows = db.all<OutboxRow & Record<string, never>>(sql.waiting, now(), limit)
        for (const { id } of rows) db.run(sql.take, id, now() + leaseMs)
        return rows.map(row => ({ ...row, body: new Uint8Array(row.body) }))
      },
      done: ids => {
        for (const id of ids) db.run(sql.done, id)
      },
      postpone: ({ ids, pauseMs }) => {
        for (const id of ids) db.run(sql.postpone, id, now() + pauseMs)
      },
    },
  }
}
