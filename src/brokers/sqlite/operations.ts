import type { Database } from '../../drivers/sqlite/database.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import type { Chore, OperationsContext } from '../../drivers/sqlite/operations.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, QueueStats, Settled, Topology } from '../broker.js'
import { Holders } from './holders.js'
import { MessageRows } from './message-rows.js'
import { QueueCounts } from './queue-counts.js'
import { Sleepers } from './sleepers.js'
import { isRefusal } from './sqlite-trouble.js'
import { loadSchemaSteps, loadStatements, type Statements } from './statements.js'
import type {
  ClaimArgs,
  ClaimColumns,
  PushColumns,
  PushKind,
  SleepArgs,
  StoreConfig,
  TokenColumns,
  VerdictColumns,
} from './store-calls.js'
import { TopologyTables } from './topology-tables.js'

/* The verbs of the SQLite queue store, on the thread that owns the connection (drivers/sqlite/host.ts). */

export interface StoreOperations {
  readonly reads: {
    readonly current: (tokens: TokenColumns) => readonly boolean[]
    readonly stats: (queue: QueueName) => QueueStats
    readonly list: () => readonly QueueStats[]
    readonly bindings: () => readonly Binding[]
    /** True: claimable now. False: an `awake` event follows. */
    readonly sleep: (args: SleepArgs) => boolean
    readonly rise: (ticket: number) => void
  }
  readonly writes: {
    readonly declare: (topology: Topology) => void
    readonly push: (columns: PushColumns) => readonly PushKind[]
    readonly claim: (args: ClaimArgs) => ClaimColumns
    readonly settle: (verdicts: VerdictColumns) => readonly Settled[]
    readonly purge: (queue: QueueName) => number
    readonly consuming: (queues: readonly QueueName[]) => void
  }
  readonly chores: readonly Chore[]
  rolledBack(error: unknown): void
  close(): void
}

export function operations(db: Database, context: OperationsContext, config: StoreConfig): StoreOperations {
  const sql = loadStatements()
  migrate(db, { component: 'broker', steps: loadSchemaSteps() })
  const topology = new TopologyTables(db, sql)
  const holders = new Holders({ db, sql, context, config, topology })
  const sleepers = new Sleepers({ db, sql, context, topology })
  const messages = new MessageRows({ db, sql, context, topology, holders })
  const counts = new QueueCounts(db, sql, topology)
  begin(db, sql, context, holders)
  return {
    reads: {
      current: tokens => messages.current(tokens),
      stats: queue => counts.of(queue),
      list: () => counts.all(),
      bindings: () => topology.bindings(),
      sleep: args => sleepers.sleep(args),
      rise: ticket => sleepers.rise(ticket),
    },
    writes: {
      declare: wanted => topology.declare(wanted, () => holders.self()),
      push: columns => messages.push(columns),
      claim: args => messages.claim(args),
      settle: verdicts => messages.settle(verdicts),
      purge: queue => counts.purge(queue),
      consuming: queues => holders.serve(queues),
    },
    chores: [
      { name: 'renew', everyMs: config.renewMs, jitter: 0.1, run: () => holders.renew() },
      {
        name: 'sweep',
        everyMs: config.sweepMs,
        jitter: 0.2,
        run: () => {
          holders.renewIfLate()
          holders.sweep()
        },
      },
    ],
    rolledBack: error => {
      topology.forget()
      holders.rolledBack()
      if (isRefusal(error)) sleepers.pause()
    },
    close: () => {
      sleepers.close()
      holders.leave()
    },
  }
}

/**
 * The file's last user may not have ended well: the machine was started anew, or all holders are dead. Then its
 * structure is checked before anything is built on it (D3d).
 */
function begin(db: Database, sql: Statements, context: OperationsContext, holders: Holders): void {
  const { boot } = context.processes.self
  const newBoot = db.get<{ readonly boot: string }>(sql.store)?.boot !== boot
  if (newBoot || holders.onlyDead()) db.quickCheck()
  if (newBoot) {
    db.transaction(() => {
      db.run(sql['new-boot'], boot, context.monotonic())
      db.run(sql['end-boot-delays'])
    })
  }
  holders.sweep()
}
