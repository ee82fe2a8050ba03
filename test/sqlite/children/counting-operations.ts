import type { Database } from '../../../src/drivers/sqlite/database.js'
import type { OperationsContext } from '../../../src/drivers/sqlite/operations.js'

/* Operations that know how many transactions they ran in. */

export interface CountingOperations {
  readonly reads: { readonly commits: () => number }
  readonly writes: {
    /** Adds a number, which must not be negative; returns how many there are. */
    readonly add: (n: number) => number
    readonly die: () => void
  }
}

export function operations(db: Database, context: OperationsContext): CountingOperations {
  db.exec('CREATE TABLE IF NOT EXISTS numbers (n INTEGER NOT NULL CHECK (n >= 0))')
  let commits = 0
  let counted = false
  return {
    reads: { commits: () => commits },
    writes: {
      add: n => {
        db.run('INSERT INTO numbers VALUES (?1)', n)
        context.afterCommit(() => {
          if (!counted) commits++
          counted = true
          queueMicrotask(() => {
            counted = false
          })
        })
        return Number(db.get('SELECT count(*) AS n FROM numbers')?.['n'])
      },
      die: () => process.exit(1),
    },
  }
}
