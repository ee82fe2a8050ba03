import type { Database } from '../../../src/drivers/sqlite/database.js'
import type { OperationsContext } from '../../../src/drivers/sqlite/operations.js'

/* Operations that know how many transactions they ran in. */

export interface CountingOperations {
  readonly reads: { readonly commits: () => number }
  readonly writes: {
    /** Adds a number, which must not be negative; returns how many there are. */
    readonly add: (n: number) => number
    /** Which durability the commit has that it is a part of, as `PRAGMA synchronous` says it. */
    readonly synchronous: () => number
    /** The same, of an operation that may be lost with the power. */
    readonly passing: () => number
    readonly die: () => void
  }
  readonly passing: ReadonlySet<string>
}

export function operations(db: Database, context: OperationsContext): CountingOperations {
  db.exec('CREATE TABLE IF NOT EXISTS numbers (n INTEGER NOT NULL CHECK (n >= 0))')
  const synchronous = () => Number(db.get('PRAGMA synchronous')?.['synchronous'])
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
      synchronous,
      passing: synchronous,
      die: () => process.exit(1),
    },
    passing: new Set(['passing']),
  }
}
