import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ResultBackend } from '../../../src/backends/backend.js'
import { createMemoryBackend } from '../../../src/backends/memory/memory-backend.js'
import { MemoryBackendWorld } from '../../../src/backends/memory/memory-backend-world.js'
import { createSqliteBackend, type SqliteBackendOptions } from '../../../src/backends/sqlite/sqlite-backend.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { Ms } from '../../../src/lib/time.js'
import { createCodec } from '../../../src/protocol/create-codec.js'
import type { BackendPlace, BackendTimes } from '../../../src/testing/conformance/backend-harness.js'
import { EVERYBODY_LIVES, runtimeOn, temporaryFolder } from '../brokers/sqlite-places.js'
import { HandClock } from '../hand-clock.js'

const VIRTUAL: BackendTimes = { step: 50, quiet: 1000, ttl: 60_000, patience: 60_000 }

/** A memory backend in virtual time. */
export class MemoryBackendPlace implements BackendPlace {
  readonly times = VIRTUAL
  readonly #clock = new HandClock()
  readonly #world = new MemoryBackendWorld({ clock: this.#clock })
  readonly #backends: ResultBackend[] = []

  async open(): Promise<ResultBackend> {
    const backend = createMemoryBackend({ runtime: { clock: this.#clock }, world: this.#world })
    this.#backends.push(backend)
    return backend
  }

  pass(ms: Ms): Promise<void> {
    return this.#clock.pass(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]()
  }
}

/** A SQLite backend in this thread and in virtual time. */
export class LocalSqliteBackendPlace implements BackendPlace {
  readonly times = VIRTUAL
  readonly path: string
  readonly #folder = temporaryFolder()
  readonly #clock = new HandClock()
  readonly #backends: ResultBackend[] = []

  constructor() {
    this.path = join(this.#folder.path, 'results.db')
  }

  async open(): Promise<ResultBackend> {
    const backend = sqliteBackend(this.path, {
      runtime: runtimeOn(this.#clock),
      durability: 'os',
      local: EVERYBODY_LIVES,
    })
    this.#backends.push(backend)
    return backend
  }

  pass(ms: Ms): Promise<void> {
    return this.#clock.pass(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }
}

/** A SQLite backend as users have it: connections on threads, real time. */
export class ThreadSqliteBackendPlace implements BackendPlace {
  readonly times: BackendTimes = { step: 5, quiet: 50, ttl: 60_000, patience: 60_000 }
  readonly #folder = temporaryFolder()
  readonly #backends: ResultBackend[] = []

  async open(): Promise<ResultBackend> {
    const backend = sqliteBackend(join(this.#folder.path, 'results.db'))
    this.#backends.push(backend)
    return backend
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }
}

export function sqliteBackend(path: string, options: Partial<SqliteBackendOptions> = {}): ResultBackend {
  const codec = createCodec({ accept: ['json'], serializer: 'json' })
  return createSqliteBackend({ url: `db+sqlite:///${path}`, path, runtime: nodeRuntime(), codec, ...options })
}
