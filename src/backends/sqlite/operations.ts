import type { Database } from '../../drivers/sqlite/database.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import type { OperationsContext, OperationsFactory } from '../../drivers/sqlite/operations.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import { ChangeFeed } from './change-feed.js'
import { ChordTable } from './chord-table.js'
import { GroupTable } from './group-table.js'
import type { ResultOperations } from './result-calls.js'
import { ResultTable } from './result-table.js'
import { RevocationTable } from './revocation-table.js'
import { loadSchemaSteps, loadStatements } from './statements.js'

/** How often what has expired is thrown out, without anybody asking for `cleanup`. */
const EXPIRE_EVERY: Ms = 60_000
/** Rows thrown out in one transaction: others want to write in between. */
const EXPIRE_ROWS = 500
/** Transactions of one turn. */
const EXPIRE_TURNS = 100

/** The backend's verbs, beside their connection (drivers/sqlite/operations.ts). */
export const operations: OperationsFactory<undefined, ResultOperations> = (db, context) => {
  migrate(db, { component: 'results', steps: loadSchemaSteps() })
  const sql = loadStatements()
  const now = (): EpochMs => Math.floor(context.clock.now())
  const results = new ResultTable(db, sql)
  const groups = new GroupTable(db, sql)
  const chords = new ChordTable(db, sql)
  const revocations = new RevocationTable(db, sql)
  const feed = new ChangeFeed({ db, sql, context, read: id => results.fetch(id, now()) })
  const wake = new Wake(context)

  const expireSome = (): number =>
    results.expire(now(), EXPIRE_ROWS) + chords.expire(now(), EXPIRE_ROWS) + groups.expire(now(), EXPIRE_ROWS)

  return {
    reads: {
      fetch: id => results.fetch(id, now()),
      watch: ids => feed.watch(ids),
      unwatch: ids => feed.unwatch(ids),
      findIds: ({ prefix, limit }) => results.find(prefix, limit),
      fetchGroup: id => groups.fetch(id, now()),
      revocationsAfter: ({ cursor, limit }) => revocations.after(cursor, limit, now()),
    },
    writes: {
      store: call => {
        const stored = results.store(call, now())
        if (stored === 'stored') wake.afterCommit()
        return stored
      },
      forget: ids => {
        for (const id of ids) results.forget(id)
      },
      saveGroup: ({ id, meta, ttl }) => groups.save(id, meta, ttl, now()),
      forgetGroup: id => groups.forget(id),
      setChordSize: call => chords.setSize(call, now()),
      claimQuietChords: claim => chords.claimQuiet(claim, now()),
      addToChord: call => chords.add(call, now()),
      arrive: part => chords.arrive(part, now()),
      close: chord => chords.close(chord, now()),
      addRevocations: ({ entries, keep }) => revocations.append(entries, keep, now()),
      cleanup: () => {
        let removed = 0
        for (let some = expireSome(); some > 0; some = expireSome()) removed += some
        results.forgetOrphans()
        feed.cut()
        return removed
      },
    },
    chores: [{ name: 'expire', everyMs: EXPIRE_EVERY, jitter: 0.25, run: () => expireInTurns(db, expireSome, feed) }],
    rolledBack: () => wake.rolledBack(),
  }
}

function expireInTurns(db: Database, expireSome: () => number, feed: ChangeFeed): void {
  for (let turn = 0; turn < EXPIRE_TURNS; turn++) {
    if (db.transaction(expireSome) === 0) break
  }
  db.transaction(() => feed.cut())
}

/** One touch for all that a transaction stores. */
class Wake {
  readonly #context: OperationsContext
  #asked = false

  constructor(context: OperationsContext) {
    this.#context = context
  }

  afterCommit(): void {
    if (this.#asked) return
    this.#asked = true
    this.#context.afterCommit(() => {
      this.#asked = false
      this.#context.touch()
    })
  }

  rolledBack(): void {
    this.#asked = false
  }
}
