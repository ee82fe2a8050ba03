import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Connection, Delivery } from '../../../src/brokers/broker.js'
import type { SqliteBrokerOptions } from '../../../src/brokers/sqlite/sqlite-broker.js'
import { createSqliteBroker } from '../../../src/brokers/sqlite/sqlite-broker.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { queueName } from '../../../src/protocol/ids.js'

export const QUEUE = queueName('tasks')
export const TO = { exchange: '', routingKey: QUEUE } as const

/** A connection on a thread, with the queue declared. */
export async function connect(
  path: string,
  options: Partial<SqliteBrokerOptions> = {},
): Promise<{ readonly connection: Connection } & AsyncDisposable> {
  const broker = createSqliteBroker({ url: `sqlite:///${path}`, path, runtime: nodeRuntime(), ...options })
  try {
    const connection = await broker.connect({ name: 'rig@test' })
    await connection.declare({ queues: [{ name: QUEUE }] })
    return { connection, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() }
  } catch (error) {
    await broker[Symbol.asyncDispose]()
    throw error
  }
}

let publishes = 0

export function publish(connection: Connection, text: string, publishId?: string): Promise<void> {
  const message = { headers: {}, properties: {}, body: Buffer.from(text) }
  return connection.publish(message, TO, { publishId: publishId ?? `${process.pid}-${++publishes}` })
}

export function textOf(delivery: Delivery): string {
  return Buffer.from(delivery.message.body).toString()
}

/** Waits for what another process does, at most `deadline` ms. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, deadline = 60_000): Promise<T> {
  const end = performance.now() + deadline
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** A Node process that runs a compiled script of test/sqlite/children and tells what it does line by line. */
export class Child implements AsyncDisposable {
  readonly process: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(script: string, ...args: readonly string[]) {
    const path = new URL(`../../sqlite/children/${script}.js`, import.meta.url)
    this.process = spawn(process.execPath, [path.pathname, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    // Its output was asked for above.
    this.#lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  /** The next line; undefined when it has ended. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next()
    return done === true ? undefined : value
  }

  say(line: string): void {
    this.process.stdin?.write(`${line}\n`)
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.process.kill(signal)
  }

  async ended(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit')
    return this.process.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
    await this.ended()
  }
}
