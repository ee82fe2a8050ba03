import type { ResultBackend } from '../backends/backend.js'
import type { ReplyLine } from '../backends/rpc/reply-line.js'
import type { Broker } from '../brokers/broker.js'
import { ControlLine } from '../control/control-line.js'
import type { Runtime } from '../lib/runtime.js'
import type { Configured } from './configured.js'
import { dial } from './dial.js'
import { Events } from './events.js'
import { mailboxSettings } from './mailbox-settings.js'
import type { Outgoing } from './outgoing.js'
import type { PublishIds } from './publish-ids.js'
import { Publisher } from './publisher.js'
import { ResultWatcher } from './result-watcher.js'
import type { Settings } from './settings.js'
import { Transactional } from './transactional.js'
import { isByMessage, openBackend, openBroker, openOutbox } from './transports.js'

export interface OpenedParts {
  readonly runtime: Runtime
  readonly configured: Configured
  /** Given instead of being opened by the settings; not closed. */
  readonly broker: Broker | undefined
  readonly backend: ResultBackend | undefined
  /** Who sends: `gen<pid>@<host>`. */
  readonly origin: string
  /** Names the queue of answers by message. */
  readonly replyTo: string
  readonly publishIds: PublishIds
  /** As `backend`, of the app: rejects where results are disabled. */
  resultBackend(): Promise<ResultBackend>
  /** What stood in the outbox was published. */
  sent(outgoing: Outgoing): void
  /** Asks the workers to tell that they are there. */
  wakeUp(): Promise<void>
}

/**
 * What an app has open: brokers, the backend, and what publishes, waits and listens over them. Each is made when it is first
 * needed, and closed with this.
 */
export class Opened implements AsyncDisposable {
  readonly #parts: OpenedParts
  readonly #brokers = new Map<string, Promise<Broker>>()
  #backend: Promise<ResultBackend | undefined> | undefined
  #publisher: Publisher | undefined
  #transactional: Transactional | undefined
  #watcher: ResultWatcher | undefined
  #events: Events | undefined
  #controlLine: ControlLine | undefined
  #disposed: Promise<void> | undefined

  constructor(parts: OpenedParts) {
    this.#parts = parts
  }

  /** Something depends on the settings already. */
  get inUse(): boolean {
    return this.#brokers.size > 0 || this.#backend !== undefined || this.#publisher !== undefined
  }

  /** Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
  broker(side: 'read' | 'write'): Promise<Broker> {
    const { runtime, broker } = this.#parts
    if (broker !== undefined) return Promise.resolve(broker)
    const { brokerUrl, brokerReadUrl, brokerWriteUrl } = this.#settings
    const url = (side === 'read' ? brokerReadUrl : brokerWriteUrl) ?? brokerUrl
    const known = this.#brokers.get(url)
    if (known !== undefined) return known
    const opening = openBroker(url, { runtime, settings: this.#settings })
    this.#brokers.set(url, opening)
    opening.catch(() => this.#brokers.delete(url))
    return opening
  }

  /** Undefined when results are disabled. Throws as `broker`. */
  backend(): Promise<ResultBackend | undefined> {
    this.#backend ??= this.#openBackend()
    return this.#backend
  }

  /** Results come as messages, to a queue that must be there before a task is sent. */
  get expectsResults(): boolean {
    const { backend } = this.#parts
    return backend === undefined ? isByMessage(this.#settings.resultBackend) : backend.expect !== undefined
  }

  /** What a message carries for the sake of later ones: where answers come to; undefined = results need no address. */
  get answersTo(): string | undefined {
    return this.expectsResults ? this.#parts.replyTo : undefined
  }

  get publisher(): Publisher {
    this.#publisher ??= this.#makePublisher()
    return this.#publisher
  }

  get watcher(): ResultWatcher {
    this.#watcher ??= new ResultWatcher(this.#parts.runtime, () => this.#parts.resultBackend())
    return this.#watcher
  }

  get events(): Events {
    const { runtime, origin, configured } = this.#parts
    this.#events ??= new Events({
      runtime,
      origin,
      wire: configured.eventWire,
      codec: configured.codec,
      connectTimeout: this.#settings.brokerConnectionTimeout,
      broker: side => this.broker(side),
      wakeUp: () => this.#parts.wakeUp(),
    })
    return this.#events
  }

  get transactional(): Transactional {
    const { runtime, sent } = this.#parts
    this.#transactional ??= new Transactional({
      runtime,
      broker: () => this.broker('write'),
      openOutbox: () => openOutbox({ runtime, settings: this.#settings }),
      // Extensions have seen it when it was put there.
      publish: async message => {
        await this.publisher.publish(message)
        sent(message)
      },
    })
    return this.#transactional
  }

  get controlLine(): ControlLine {
    const { runtime, origin, configured } = this.#parts
    const name = `${origin}-control`
    const connectTimeout = this.#settings.brokerConnectionTimeout
    this.#controlLine ??= new ControlLine({
      runtime,
      settings: mailboxSettings(this.#settings),
      codec: configured.codec,
      connect: async signal => dial(await this.broker('write'), { runtime, name, connectTimeout }, signal),
    })
    return this.#controlLine
  }

  /** Lets what is being published settle first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close()
    await this.#disposed
  }

  async #close(): Promise<void> {
    await this.#controlLine?.[Symbol.asyncDispose]()
    await this.#transactional?.[Symbol.asyncDispose]()
    await this.#publisher?.[Symbol.asyncDispose]()
    await this.#events?.[Symbol.asyncDispose]()
    await this.#watcher?.[Symbol.asyncDispose]()
    const results = await this.#backend?.catch(() => undefined)
    if (results !== this.#parts.backend) await results?.[Symbol.asyncDispose]()
    for (const broker of await Promise.allSettled(this.#brokers.values()))
      if (broker.status === 'fulfilled') await broker.value[Symbol.asyncDispose]()
  }

  get #settings(): Settings {
    return this.#parts.configured.settings
  }

  async #openBackend(): Promise<ResultBackend | undefined> {
    const { runtime, broker, backend, configured } = this.#parts
    if (backend !== undefined) return backend
    const { settings, limits, resultCodec: codec } = configured
    const url = resultUrl(configured, broker)
    if (url === undefined) return undefined
    const replyLine = (): Promise<ReplyLine> => this.#makeReplyLine()
    return await openBackend(url, { runtime, settings, limits, codec, replyLine })
  }

  async #makeReplyLine(): Promise<ReplyLine> {
    const { runtime, origin: name, replyTo, publishIds } = this.#parts
    const { BrokerReplyLine } = await import('./reply-line.js')
    return new BrokerReplyLine({
      runtime,
      name,
      replyTo,
      expires: this.#settings.resultExpires,
      connectTimeout: this.#settings.brokerConnectionTimeout,
      broker: () => this.broker('read'),
      publishIds,
      publisher: this.#makePublisher(),
      answered: as => this.#publisher?.answered(as),
    })
  }

  #makePublisher(): Publisher {
    const settings = this.#settings
    return new Publisher({
      runtime: this.#parts.runtime,
      name: this.#parts.origin,
      broker: () => this.broker('write'),
      timeout: settings.publishTimeout,
      connectTimeout: settings.brokerConnectionTimeout,
      retry: settings.taskPublishRetry ? settings.taskPublishRetryPolicy : undefined,
      maxPending: settings.publishMaxPending,
      maxPendingBytes: settings.publishMaxPendingBytes,
      hearsAnswers: this.expectsResults,
    })
  }
}

/** Where results are kept; undefined = nowhere. The embedded default belongs to the embedded broker. */
export function resultUrl(
  { settings, origins }: Pick<Configured, 'settings' | 'origins'>,
  broker: Broker | undefined,
): string | undefined {
  return broker !== undefined && origins.resultBackend === 'default' ? undefined : settings.resultBackend
}
