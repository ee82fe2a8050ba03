import type { Broker, Connection } from '../../../src/brokers/broker.js'
import { operations, type StoreOperations } from '../../../src/brokers/sqlite/operations.js'
import { createSqliteBroker } from '../../../src/brokers/sqlite/sqlite-broker.js'
import { SqliteSession } from '../../../src/brokers/sqlite/sqlite-session.js'
import type { StoreConfig } from '../../../src/brokers/sqlite/store-calls.js'
import { Tickets } from '../../../src/brokers/sqlite/tickets.js'
import type { QueueStore, StoreSession } from '../../../src/brokers/virtual/queue-store.js'
import { createVirtualBroker } from '../../../src/brokers/virtual/virtual-broker.js'
import { Database, type Durability } from '../../../src/drivers/sqlite/database.js'
import { openLocalHost } from '../../../src/drivers/sqlite/local-host.js'
import type { Processes } from '../../../src/drivers/sqlite/processes.js'
import type { Clock, Runtime } from '../../../src/lib/runtime.js'
import type { Ms } from '../../../src/lib/time.js'
import { Ledger, type LedgerMessage } from '../../../src/testing/sim/ledger.js'
import { linkedQueueStore } from '../../../src/testing/sim/linked-queue-store.js'
import type { Quirks } from '../../../src/testing/sim/quirks.js'
import { quirkyStore } from '../../../src/testing/sim/quirky-store.js'
import type { SimLink } from '../../../src/testing/sim/sim-link.js'
import type { SimPlace } from '../../../src/testing/sim/sim-place.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimRandom } from '../../../src/testing/sim/sim-random.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import { WitnessedSession } from '../../../src/testing/sim/witnessed-session.js'
import type { DiskFolder, DiskState } from './disk-folder.js'
import { MarkedSession, Marks, markOf } from './marked-session.js'

export interface DiskPlaceOptions {
  readonly folder: DiskFolder
  readonly random: SimRandom
  readonly durability: Durability
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly quirks?: Quirks | undefined
}

/** What is in the file after a power loss. */
type Row = { readonly headers: string; readonly faults: number; readonly held: number; readonly begun: number }

/**
 * The `log-disk` broker (reliability §13.4): the real SQLite store in a real file, each process with a connection of its
 * own, on a machine whose power can go off (F37).
 */
export class DiskPlace implements SimPlace {
  readonly ledger: Ledger
  readonly #world: SimWorld
  readonly #options: DiskPlaceOptions
  readonly #marks = new Marks()
  readonly #living = new Map<number, () => boolean>()
  /** Keeps the log from being written back and taken away when the last session closes. */
  #keeper: Disposable | undefined
  #boot = 1
  #copies = 0

  constructor(world: SimWorld, options: DiskPlaceOptions) {
    this.#world = world
    this.#options = options
    this.ledger = new Ledger(() => world.now, options.leaseMs)
    this.#living.set(world.runtime.host.pid, () => true)
  }

  reach(process: SimProcess, link: SimLink): Broker {
    this.#living.set(process.runtime.host.pid, () => process.alive)
    const drop = (session: StoreSession): void => {
      if (session instanceof WitnessedSession) session.drop()
    }
    const store: QueueStore = {
      open: async ({ name }) => {
        const { session, abandon } = this.#open(name, process.runtime)
        return new WitnessedSession(session, { ledger: this.ledger, name, process, abandon })
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
    return this.#broker(quirkyStore(linkedQueueStore(link, store, { drop }), this.#options.quirks), process.runtime)
  }

  observe(): Promise<Connection> {
    const { runtime } = this.#world
    const store: QueueStore = {
      open: async ({ name }) => this.#open(name, runtime).session,
      [Symbol.asyncDispose]: async () => undefined,
    }
    return this.#broker(store, runtime).connect({ name: 'observer' })
  }

  /** From now on (F36). */
  disk(is: DiskState): void {
    this.#options.folder.disk(is)
  }

  /** The broker delivers a message once more than it was published (F42); not while it cannot write one. */
  async duplicate({ message, queue }: LedgerMessage): Promise<void> {
    if (!this.#options.folder.isWell) return
    const copy = { ...message }
    const publishId = `copy-${++this.#copies}`
    this.ledger.pushed(copy, queue, publishId, 'broker', true)
    const { session } = this.#open('copier', this.#world.runtime)
    await session.push([{ message: copy, to: { exchange: '', routingKey: queue }, publishId, notBefore: undefined }])
    await session[Symbol.asyncDispose]()
  }

  /** The machine's power goes off; whoever ran on it is dead already. Then what the disk kept is held against the ledger. */
  powerLoss(): { readonly lost: number; readonly back: number } {
    const { folder, random } = this.#options
    this.#keeper = undefined
    folder.loseUnsynced(this.#world.now, random)
    this.#boot++
    const db = new Database(folder.path, { durability: 'os' })
    const keeper = folder.adopt(db)
    db.quickCheck()
    this.#keeper = keeper
    if (this.#options.durability === 'os') this.ledger.forgetPublishes()
    return this.#compare(new Map(rowsOf(db).map(row => [markIn(row), row])))
  }

  /** Confirmed ⊆ recovered with `full`; with `os` the newest may be missing, and acks of the last moments forgotten. */
  #compare(found: ReadonlyMap<number, Row>): { readonly lost: number; readonly back: number } {
    const { ledger } = this
    const newest = Math.max(0, ...found.keys())
    let [lost, back] = [0, 0]
    for (const [mark, message] of this.#marks.entries()) {
      const entry = ledger.find(message)
      const row = found.get(mark)
      if (entry === undefined || entry.gone === 'lost') continue
      if (row === undefined) {
        if (entry.gone === 'acked') continue
        lost++
        ledger.lost(message)
        if (this.#options.durability === 'full') ledger.wrong('I01', entry.id, `${entry.id}: a disk that syncs lost it`)
        else if (mark < newest) ledger.wrong('I01', entry.id, `${entry.id}: was lost, and what came later was not`)
        continue
      }
      if (entry.gone === 'acked') {
        back++
        ledger.unacked(message)
        if (this.#options.durability === 'full')
          ledger.wrong('I01', entry.id, `${entry.id}: a disk that syncs forgot its ack`)
      }
      if (this.#options.durability !== 'os') continue
      const { faults, held, begun } = row
      ledger.rewound(message, { faults, held: held === 1, begun: begun === 1 })
    }
    return { lost, back }
  }

  #broker(store: QueueStore, runtime: Runtime): Broker {
    const { features, url } = createSqliteBroker({ url: 'sqlite://queue.db', path: 'queue.db', runtime })
    return createVirtualBroker({ url, store, features, runtime })
  }

  /** A session with a connection of its own. `abandon`: its thread is gone, without a word to the file. */
  #open(name: string, runtime: Runtime): { readonly session: MarkedSession; abandon(): void } {
    const { folder, durability, leaseMs, renewMs } = this.#options
    const { path } = folder
    this.#keeper ??= folder.adopt(new Database(path, { durability: 'os' }))
    const clock = new ThreadClock(runtime.clock, this.#world.runtime.clock)
    const trust = new SharedArrayBuffer(8)
    const tickets = new Tickets()
    let session: SqliteSession | undefined
    let syncs = false
    let closing: Disposable | undefined
    const host = openLocalHost<StoreConfig, StoreOperations>({
      ...{ path, durability },
      config: { name, leaseMs, renewMs, sweepMs: Math.min(1000, leaseMs / 2), trust },
      operations: (db, context, config) => {
        closing = folder.adopt(db)
        // What the connection does, not what it was told to do.
        syncs = Number(db.get('PRAGMA synchronous')?.['synchronous']) >= 2
        return operations(db, context, config)
      },
      runtime: { ...runtime, clock },
      processes: this.#processes(runtime.host.pid),
      // Operations emit nothing but store events.
      onEvent: event => session?.hear(event as never),
    })
    session = new SqliteSession(host, tickets, { path: 'queue.db', leaseMs, trust, runtime })
    const committed = (): void => folder.committed(this.#world.now, syncs)
    committed()
    const abandon = (): void => {
      clock.stop()
      closing?.[Symbol.dispose]()
    }
    return { session: new MarkedSession(session, this.#marks, committed), abandon }
  }

  #processes(pid: number): Processes {
    const boot = `boot-${this.#boot}`
    return {
      self: { boot, pidNamespace: 'sim', pid, started: String(pid) },
      liveness: other => {
        if (other.boot !== boot) return 'gone'
        return this.#living.get(other.pid)?.() === true ? 'alive' : 'gone'
      },
    }
  }
}

/** Perhaps not even the schema had reached the disk. */
function rowsOf(db: Database): readonly Row[] {
  if (db.get("SELECT name FROM sqlite_schema WHERE name = 'lovage_message'") === undefined) return []
  return db.all<Row>('SELECT headers, faults, state = 1 AS held, begun FROM lovage_message')
}

function markIn({ headers }: Row): number {
  return markOf(JSON.parse(headers))
}

/** The clock of a session's thread: the machine's monotonic clock, the process's timers, until the thread is gone. */
class ThreadClock implements Clock {
  readonly #process: Clock
  readonly #machine: Clock
  readonly #timers = new Set<Disposable>()
  #stopped = false

  constructor(process: Clock, machine: Clock) {
    this.#process = process
    this.#machine = machine
  }

  now(): number {
    return this.#process.now()
  }

  steady(): number {
    return this.#machine.steady()
  }

  sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
    return this.#process.sleep(ms, signal)
  }

  timer(ms: Ms, ring: () => void): Disposable {
    if (this.#stopped) return { [Symbol.dispose]: () => undefined }
    const timer = this.#process.timer(ms, () => {
      this.#timers.delete(timer)
      ring()
    })
    this.#timers.add(timer)
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer)
        timer[Symbol.dispose]()
      },
    }
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers.clear()
  }
}
