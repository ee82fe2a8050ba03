import type { Database } from '../../drivers/sqlite/database.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import type { Chore, OperationsContext } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, QueueStats, Settled, Topology } from '../broker.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import { Holders } from './holders.js'
import { LimitRows } from './limit-rows.js'
import { MessageRows } from './message-rows.js'
import { QueueCounts } from './queue-counts.js'
import { Sleepers } from './sleepers.js'
import { isRefusal } from './sqlite-trouble.js'
import { StaleMessages } from './stale-messages.js'
import { loadSchemaSteps, loadStatements, type Statements } from './statements.js'
import type {
  ClaimArgs,
  ClaimColumns,
  DelayedColumns,
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
    readonly weigh: (queue: QueueName) => number
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
    readonly claimDelayed: (args: { readonly queue: QueueName; readonly limit: number }) => DelayedColumns
    readonly settle: (verdicts: VerdictColumns) => readonly Settled[]
    readonly purge: (queue: QueueName) => number
    readonly consuming: (queues: readonly QueueName[]) => void
    readonly limit: (request: LimitRequest) => readonly LimitAnswer[]
  }
  readonly passing: ReadonlySet<string>
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
  const stale = new StaleMessages({ db, sql, context })
  const limits = new LimitRows({ db, sql, context, holders })
  begin(db, sql, context, holders, limits)
  return {
    reads: {
      current: tokens => messages.current(tokens),
      stats: queue => counts.of(queue),
      weigh: queue => counts.weigh(queue),
      list: () => counts.all(),
      bindings: () => topology.bindings(),
      sleep: args => sleepers.sleep(args),
      rise: ticket => sleepers.rise(ticket),
    },
    writes: {
      declare: wanted => topology.declare(wanted, () => holders.self()),
      push: columns => messages.push(columns),
      claim: args => messages.claim(args),
      claimDelayed: ({ queue, limit }) => messages.claimDelayed(queue, limit),
      settle: verdicts => messages.settle(verdicts),
      purge: queue => counts.purge(queue),
      consuming: queues => holders.serve(queues),
      limit: request => limits.decide(request),
    },
    // Forgotten with the power, it is as if its holder had died, which all holders have then.
    passing: new Set(['claim', 'claimDelayed']),
    chores: [
      { name: 'renew', everyMs: config.renewMs, jitter: 0.1, run: () => holders.renew() },
      {
        name: 'sweep',
        everyMs: config.sweepMs,
        jitter: 0.2,
        run: () => {
          holders.renewIfLate()
          holders.sweep()
          stale.sweep()
        },
      },
      { name: 'forget limits', everyMs: FORGET_LIMITS, jitter: 0.5, run: () => db.transaction(() => limits.forget()) },
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

/** How often what holds nothing any more is dropped. */
const FORGET_LIMITS: Ms = 60_000

/**
 * The file's last user may not have ended well: the machine was started anew, or all holders are dead. Then its
 * structure is checked before anything is built on it (D3d).
 */
function begin(db: Database, sql: Statements, context: OperationsContext, holders: Holders, limits: LimitRows): void {
  const { boot } = context.processes.self
  const newBoot = db.get<{ readonly boot: string }>(sql.store)?.boot !== boot
  if (newBoot || holders.onlyDead()) db.quickCheck()
  if (newBoot) {
    db.transaction(() => {
      db.run(sql['new-boot'], boot, context.monotonic())
      db.run(sql['end-boot-delays'])
      limits.forgetAll()
    })
  }
  holders.sweep()
}
