import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '../../../src/brokers/broker.js'
import { createSqliteBroker } from '../../../src/brokers/sqlite/sqlite-broker.js'
import type { Processes } from '../../../src/drivers/sqlite/processes.js'
import { silentLog } from '../../../src/lib/log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { Clock, Runtime } from '../../../src/lib/runtime.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import type { BrokerPlace, BrokerTimes } from '../../../src/testing/conformance/broker-harness.js'
import { HandClock } from '../hand-clock.js'

/** A folder that goes away with its test. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'lovage-sqlite-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** Processes of which none can be told dead: only leases count. */
export const EVERYBODY_LIVES: Processes = {
  self: { boot: 'boot', pidNamespace: 'pid', pid: 1, started: '1' },
  liveness: () => 'alive',
}

/** A SQLite broker in this thread and in virtual time, with the product's own lease lengths. */
export class LocalSqlitePlace implements BrokerPlace {
  readonly times: BrokerTimes = {
    step: 500,
    quiet: 10_000,
    delay: 5_000,
    lease: 20_000,
    detect: 25_000,
    long: 3_600_000,
    patience: 60_000,
  }
  readonly #folder = temporaryFolder()
  readonly #clock = new HandClock()
  readonly #sessions = new Map<string, { readonly clock: FreezingClock; readonly broker: AsyncDisposable }>()

  connect(name: string): Promise<Connection> {
    const clock = new FreezingClock(this.#clock)
    const broker = createSqliteBroker({
      url: 'sqlite:///queue.db',
      path: join(this.#folder.path, 'queue.db'),
      durability: 'os',
      runtime: runtimeOn(clock),
      local: EVERYBODY_LIVES,
    })
    this.#sessions.set(name, { clock, broker })
    return broker.connect({ name })
  }

  async freeze(name: string): Promise<void> {
    this.#sessions.get(name)?.clock.freeze()
  }

  async thaw(name: string): Promise<void> {
    this.#sessions.get(name)?.clock.thaw()
  }

  now(): EpochMs {
    return this.#clock.now()
  }

  pass(ms: Ms): Promise<void> {
    return this.#clock.pass(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { broker } of this.#sessions.values()) await broker[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }
}

/** A SQLite broker as users have it: connections on threads, real time. */
export class ThreadSqlitePlace implements BrokerPlace {
  readonly times: BrokerTimes = {
    ...{ step: 5, quiet: 100, delay: 200, patience: 60_000 },
    ...{ lease: 20_000, detect: 25_000, long: 60_000 },
  }
  readonly #folder = temporaryFolder()
  readonly #broker = createSqliteBroker({
    url: 'sqlite:///queue.db',
    path: join(this.#folder.path, 'queue.db'),
    durability: 'full',
    runtime: nodeRuntime(),
  })

  connect(name: string): Promise<Connection> {
    return this.#broker.connect({ name })
  }

  freeze(): Promise<void> {
    return Promise.reject(new Error('A thread keeps its lease by itself.'))
  }

  thaw(): Promise<void> {
    return this.freeze()
  }

  now(): EpochMs {
    return Date.now()
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }
}

export function runtimeOn(clock: Clock): Runtime {
  const { random, host } = nodeRuntime()
  return { clock, random, host, log: silentLog }
}

/** Somebody's timers on a shared clock, which can be made to stand still. */
export class FreezingClock implements Clock {
  readonly #clock: Clock
  readonly #late: (() => void)[] = []
  #frozen = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): EpochMs {
    return this.#clock.now()
  }

  steady(): Ms {
    return this.#clock.steady()
  }

  sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal)
  }

  timer(ms: Ms, ring: () => void): Disposable {
    return this.#clock.timer(ms, () => {
      if (this.#frozen) this.#late.push(ring)
      else ring()
    })
  }

  freeze(): void {
    this.#frozen = true
  }

  thaw(): void {
    this.#frozen = false
    for (const ring of this.#late.splice(0)) ring()
  }
}
