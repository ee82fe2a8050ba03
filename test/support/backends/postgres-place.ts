import { setTimeout as sleep } from 'node:timers/promises'
import type { ResultBackend } from '../../../src/backends/backend.js'
import { createPostgresBackend, type PostgresBackendOptions } from '../../../src/backends/postgres/postgres-backend.js'
import { parsePostgresUrl } from '../../../src/drivers/postgres/postgres-url.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { Ms } from '../../../src/lib/time.js'
import { createCodec } from '../../../src/protocol/create-codec.js'
import type { BackendPlace, BackendTimes } from '../../../src/testing/conformance/backend-harness.js'
import type { PostgresSuite } from '../brokers/postgres-place.js'

/** A PostgreSQL backend in real time, with Celery's tables and ours in one schema of its own. */
export class PostgresBackendPlace implements BackendPlace {
  readonly times: BackendTimes = { step: 20, quiet: 300, ttl: 1500, patience: 60_000 }
  readonly #url: string
  readonly #schema: string
  readonly #backends: ResultBackend[] = []

  private constructor(url: string, schema: string) {
    this.#url = url
    this.#schema = schema
  }

  static async create(suite: PostgresSuite): Promise<PostgresBackendPlace> {
    const schema = suite.nextSchema()
    const options = encodeURIComponent(`-c search_path=${schema}`)
    return new PostgresBackendPlace((await suite.database).url('db+postgresql', `?options=${options}`), schema)
  }

  async open(): Promise<ResultBackend> {
    const backend = postgresBackend(this.#url, { schema: this.#schema })
    this.#backends.push(backend)
    return backend
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]()
  }
}

export function postgresBackend(url: string, options: Partial<PostgresBackendOptions> = {}): ResultBackend {
  const codec = createCodec({ accept: ['json'], serializer: 'json' })
  return createPostgresBackend({ url, target: parsePostgresUrl(url), runtime: nodeRuntime(), codec, ...options })
}
