import { PublishIds } from '../../../src/app/publish-ids.js'
import { Publisher } from '../../../src/app/publisher.js'
import { BrokerReplyLine } from '../../../src/app/reply-line.js'
import type { ResultBackend } from '../../../src/backends/backend.js'
import type { ReplyLine } from '../../../src/backends/rpc/reply-line.js'
import { RpcBackend } from '../../../src/backends/rpc/rpc-backend.js'
import { createMemoryBroker } from '../../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../../src/brokers/memory/memory-queue-store.js'
import type { Ms } from '../../../src/lib/time.js'
import { createCodec } from '../../../src/protocol/create-codec.js'
import type { Message } from '../../../src/protocol/message.js'
import type { BackendPlace, BackendTimes } from '../../../src/testing/conformance/backend-harness.js'
import { type HandRuntime, handRuntime } from '../../app/hand-runtime.js'

/**
 * Results by message over a memory broker, in virtual time. One backend plays the client that sent every task as well as
 * the worker that ran it: what it stores travels through the broker to its own reply queue, and a store resolves when
 * that has been read, because the suite reads what it has just written.
 */
export class RpcPlace implements BackendPlace {
  readonly times: BackendTimes = { step: 50, quiet: 1000, ttl: 60_000, patience: 60_000 }
  readonly runtime: HandRuntime = handRuntime()
  readonly #store = new MemoryQueueStore(this.runtime)
  readonly #backends: ResultBackend[] = []
  #names = 0

  async open(): Promise<ResultBackend> {
    const replyTo = `replies-${++this.#names}`
    const line = new AnsweredLine(this.line(replyTo))
    const backend = answeringItself(this.backend(line), replyTo)
    this.#backends.push(backend)
    const ready = backend.expect?.(new AbortController().signal)
    await this.pass(0)
    await ready
    return backend
  }

  backend(line: ReplyLine): RpcBackend {
    // As the app makes it: a result has a bound of its own.
    const limits = { messageBytes: Number.POSITIVE_INFINITY, bodyBytes: Number.POSITIVE_INFINITY }
    const codec = createCodec({ accept: ['json'], serializer: 'json', limits })
    return new RpcBackend({ url: 'rpc://', runtime: this.runtime, line, codec, persistent: false, ttl: undefined })
  }

  line(replyTo: string): ReplyLine {
    const { runtime } = this
    const broker = createMemoryBroker({ runtime, store: this.#store })
    const publisher = new Publisher({
      runtime,
      name: replyTo,
      broker: async () => broker,
      timeout: 30_000,
      connectTimeout: undefined,
      retry: undefined,
      maxPending: 100_000,
      maxPendingBytes: 1e9,
      hearsAnswers: false,
    })
    return new BrokerReplyLine({
      runtime,
      name: replyTo,
      replyTo,
      expires: 60_000,
      connectTimeout: undefined,
      broker: async () => broker,
      publishIds: new PublishIds(runtime.random),
      publisher,
      answered: () => undefined,
    })
  }

  pass(ms: Ms): Promise<void> {
    return this.runtime.clock.pass(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]()
  }
}

/** Tells when as many messages have come as were sent. */
class AnsweredLine implements ReplyLine {
  readonly #line: ReplyLine
  readonly #waiting: (() => void)[] = []

  constructor(line: ReplyLine) {
    this.#line = line
  }

  get listening(): boolean {
    return this.#line.listening
  }

  listen(receive: (message: Message) => void, signal: AbortSignal): Promise<void> {
    return this.#line.listen(message => {
      receive(message)
      this.#waiting.shift()?.()
    }, signal)
  }

  async send(message: Message, queue: string): Promise<'sent' | 'nobody'> {
    const come = new Promise<void>(resolve => this.#waiting.push(resolve))
    const sent = await this.#line.send(message, queue)
    await come
    return sent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#line[Symbol.asyncDispose]()
  }
}

/** Every request came from this very backend. */
function answeringItself(backend: RpcBackend, replyTo: string): ResultBackend {
  return {
    url: backend.url,
    features: backend.features,
    expect: signal => backend.expect(signal),
    store: (meta, options) =>
      backend.store(meta, { ...options, reply: { queue: replyTo, correlationId: meta.taskId } }),
    fetch: id => backend.fetch(id),
    watch: (ids, signal) => backend.watch(ids, signal),
    forget: ids => backend.forget(ids),
    saveGroup: () => backend.saveGroup(),
    fetchGroup: () => backend.fetchGroup(),
    forgetGroup: () => backend.forgetGroup(),
    setChordSize: () => backend.setChordSize(),
    addToChord: () => backend.addToChord(),
    arrive: () => backend.arrive(),
    close: () => backend.close(),
    cleanup: () => backend.cleanup(),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}
