import type { Consumer } from '../../src/brokers/broker.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../src/brokers/memory/memory-queue-store.js'
import { CommandError } from '../../src/control/command-error.js'
import { type CommandTable, NO_REPLY } from '../../src/control/command-table.js'
import { ControlLine } from '../../src/control/control-line.js'
import type { ControlPolicy } from '../../src/control/control-policy.js'
import type { MailboxSettings } from '../../src/control/mailbox-topology.js'
import { NodeMailbox } from '../../src/control/node-mailbox.js'
import type { Codec } from '../../src/protocol/codec.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import { nodeName } from '../../src/protocol/ids.js'
import { type HandRuntime, handRuntime } from '../app/hand-runtime.js'

export const SETTINGS: MailboxSettings = {
  namespace: 'celery',
  ttl: 300_000,
  expires: 10_000,
  exclusive: false,
  durable: false,
}

export const CODEC: Codec = createCodec({ accept: ['json'], serializer: 'json' })

/** Commands that show what was called. */
export const COMMANDS: CommandTable = {
  run: (method, given) => {
    if (method === 'ping') return { ok: 'pong' }
    if (method === 'shutdown') return NO_REPLY
    if (method === 'heartbeat') return undefined
    if (method === 'autoscale') throw new CommandError('ValueError', 'Autoscale not enabled')
    return { method, given }
  },
}

export interface NodeOptions {
  readonly policy?: ControlPolicy
  readonly commands?: CommandTable
  readonly settings?: MailboxSettings
  /** Gets every consumer that the mailbox opens. */
  readonly consumers?: Consumer[]
}

/** Nodes and askers at one memory broker, with a clock that is moved by hand. */
export class ControlRig implements AsyncDisposable {
  readonly runtime: HandRuntime = handRuntime()
  readonly store: MemoryQueueStore = new MemoryQueueStore(this.runtime)
  readonly rejected: string[] = []
  readonly #ends: AsyncDisposable[] = []

  broker(): ReturnType<typeof createMemoryBroker> {
    return createMemoryBroker({ runtime: this.runtime, store: this.store })
  }

  async node(name: string, options: NodeOptions = {}): Promise<NodeMailbox> {
    const { policy = 'all', commands = COMMANDS, settings = SETTINGS } = options
    const mailbox = new NodeMailbox({
      runtime: this.runtime,
      node: nodeName(name),
      settings,
      codec: CODEC,
      policy,
      commands,
      rejected: detail => void this.rejected.push(detail),
    })
    const connection = await this.broker().connect({ name })
    const consume = connection.consume.bind(connection)
    connection.consume = async (queues, prefetch) => {
      const consumer = await consume(queues, prefetch)
      options.consumers?.push(consumer)
      return consumer
    }
    this.#ends.push(connection)
    this.#ends.push(await mailbox.join(connection, new AbortController().signal))
    return mailbox
  }

  line(settings: MailboxSettings = SETTINGS): ControlLine {
    const line = new ControlLine({
      runtime: this.runtime,
      settings,
      codec: CODEC,
      connect: () => this.broker().connect({ name: 'asker' }),
    })
    this.#ends.push(line)
    return line
  }

  /** What the promise comes to, when so much time may pass. */
  async within<T>(ms: number, promise: Promise<T>): Promise<T> {
    let settled = false
    const end = (): void => {
      settled = true
    }
    promise.then(end, end)
    for (let passed = 0; passed < ms && !settled; passed += 50) await this.runtime.clock.pass(50)
    if (!settled) throw new Error(`not settled within ${ms} ms`)
    return await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.toReversed()) {
      await this.within(60_000, Promise.resolve(end[Symbol.asyncDispose]()))
    }
  }
}
