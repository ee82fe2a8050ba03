import { join } from 'node:path'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { LoggedProcess } from '../support/python/logged-process.js'
import { celeryMissing } from '../support/python/python.js'
import { PythonPeer } from '../support/python/python-peer.js'
import { pythonWorker } from '../support/python/python-worker.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { eventually, openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'
import { type RedisDatabase, redisDatabase, redisMissing } from '../support/services/redis.js'

export interface CombinationKind {
  readonly broker: 'rabbitmq' | 'redis'
  readonly backend: 'rpc' | 'redis' | 'postgresql' | 'sqlite'
}

/** Queues: one for each language, and one that both consume. */
export const PY = 'py'
export const TS = 'ts'
export const MIXED = 'mixed'
/** Of a Lovage worker whose tasks run in child processes. */
export const CHILDREN = 'children'

export const TS_NODE = 'ts@interop'
export const PY_NODE = 'py@interop'
const CHILDREN_NODE = 'children@pool'

const ACCEPT = ['json', 'yaml', 'msgpack', 'pickle']
const LOVAGE_WORKER = join(import.meta.dirname, 'lovage-worker.js')

/** Why a combination cannot be tested here; undefined when it can. */
export async function missingFor({ broker, backend }: CombinationKind): Promise<string | undefined> {
  // Some tasks leave their traces in Redis, whatever the broker.
  const missing = celeryMissing() ?? (await redisMissing())
  if (missing !== undefined) return missing
  if (backend === 'postgresql' && needsPostgres.skip !== undefined) return needsPostgres.skip
  return broker === 'rabbitmq' ? await rabbitMqMissing() : undefined
}

/** Servers, a worker in each language, and a client in each, all up. */
export class Combination implements AsyncDisposable {
  readonly kind: CombinationKind
  readonly #opened: AsyncDisposable[] = []
  #env: Readonly<Record<string, string>> = {}
  #lovage: App | undefined
  #python: PythonPeer | undefined
  #redis: RedisDatabase | undefined

  private constructor(kind: CombinationKind) {
    this.kind = kind
  }

  static async start(kind: CombinationKind): Promise<Combination> {
    const combination = new Combination(kind)
    try {
      await combination.#start()
      return combination
    } catch (error) {
      await combination[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A client whose tasks go to the Python worker unless told otherwise. */
  get lovage(): App {
    return up(this.#lovage)
  }

  /** A client whose tasks go to the Lovage worker unless told otherwise. */
  get python(): PythonPeer {
    return up(this.#python)
  }

  get redis(): RedisDatabase {
    return up(this.#redis)
  }

  /** Environment of a Python program whose tasks go to this queue. */
  environment(queue: string): Readonly<Record<string, string>> {
    const node = queue === CHILDREN ? CHILDREN_NODE : TS_NODE
    return { ...this.#env, LOVAGE_NODENAME: node, LOVAGE_CONFIG: JSON.stringify({ task_default_queue: queue }) }
  }

  /** The first of a list in Redis, once there is one. */
  async popped(key: string): Promise<string> {
    let found: string | null = null
    await eventually(`something in ${key}`, async () => {
      found = await this.redis.client.lpop(key)
      return found !== null
    })
    return found ?? ''
  }

  app(settings: SettingsInput = {}): App {
    const app = new App('interop-client', {
      brokerUrl: this.#env['LOVAGE_BROKER'] ?? '',
      resultBackend: this.#env['LOVAGE_BACKEND'] ?? '',
      taskDefaultQueue: PY,
      acceptContent: ACCEPT,
      ...settings,
    })
    this.#opened.push(app)
    return app
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened.splice(0).reverse()) await opened[Symbol.asyncDispose]()
  }

  async #start(): Promise<void> {
    this.#redis = await this.#keep(redisDatabase())
    const broker = await this.#brokerUrl(this.#redis)
    const backend = await this.#backendUrl(this.#redis)
    this.#env = { LOVAGE_BROKER: broker, LOVAGE_BACKEND: backend, LOVAGE_REDIS: this.#redis.url }
    this.#lovage = this.app()
    const [python] = await Promise.all([
      this.#keep(PythonPeer.start(this.environment(TS))),
      this.#keep(pythonWorker(PY_NODE, { env: this.environment(PY), queues: [PY, MIXED] })),
      this.#keep(this.#lovageWorker(TS, { LOVAGE_QUEUES: `${TS},${MIXED}` })),
      this.#keep(
        this.#lovageWorker(CHILDREN, { LOVAGE_QUEUES: CHILDREN, LOVAGE_POOL: 'prefork', LOVAGE_CONCURRENCY: '2' }),
      ),
    ])
    this.#python = python
  }

  async #brokerUrl(redis: RedisDatabase): Promise<string> {
    if (this.kind.broker === 'redis') return redis.url
    return (await this.#keep(openRabbitMq(`interop-${this.kind.backend}`))).url
  }

  async #backendUrl(redis: RedisDatabase): Promise<string> {
    switch (this.kind.backend) {
      case 'rpc':
        return 'rpc://'
      case 'redis':
        return redis.url
      case 'postgresql':
        return (await this.#keep(ScratchDatabase.create())).url('db+postgresql')
      case 'sqlite': {
        const folder = temporaryFolder()
        this.#opened.push({ [Symbol.asyncDispose]: async () => folder[Symbol.dispose]() })
        return `db+sqlite:///${join(folder.path, 'results.db')}`
      }
      default:
        return this.kind.backend satisfies never
    }
  }

  async #lovageWorker(queue: string, more: Readonly<Record<string, string>>): Promise<LoggedProcess> {
    const env = { ...this.environment(queue), ...more }
    const worker = new LoggedProcess(`Lovage worker of queue ${queue}`, [process.execPath, LOVAGE_WORKER], { env })
    try {
      await worker.says(/^ready$/m)
      return worker
    } catch (error) {
      await worker[Symbol.asyncDispose]()
      throw error
    }
  }

  async #keep<T extends AsyncDisposable>(opening: Promise<T>): Promise<T> {
    const opened = await opening
    this.#opened.push(opened)
    return opened
  }
}

function up<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the combination is not up')
  return part
}
