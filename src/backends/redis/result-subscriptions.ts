import type { RedisConnection } from '../../drivers/redis/redis-connection.js'

/** Whoever listens to some channels. */
export interface Listener {
  hear(channel: string, message: Buffer): void
  /** The connection is gone. */
  lost(error: Error): void
}

/** Channels of one call. */
const BATCH = 5000

/** One subscribing connection, shared by all who listen: a channel is subscribed to while somebody listens to it. */
export class ResultSubscriptions {
  readonly #connection: RedisConnection
  readonly #channels = new Map<string, Set<Listener>>()
  /** Subscribing and unsubscribing happen one after another, so that the last wish holds. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(connection: RedisConnection) {
    this.#connection = connection
    connection.onMessage((channel, message) => {
      const name = String(channel)
      for (const listener of this.#channels.get(name) ?? []) listener.hear(name, message)
    })
    void connection.closed.then(error => {
      const listeners = new Set([...this.#channels.values()].flatMap(set => [...set]))
      this.#channels.clear()
      if (error !== undefined) for (const listener of listeners) listener.lost(error)
    })
  }

  get idle(): boolean {
    return this.#channels.size === 0
  }

  /** Resolves when the server has been told: from then on nothing is missed. */
  async listen(channels: readonly string[], listener: Listener): Promise<void> {
    for (const channel of channels) {
      const listeners = this.#channels.get(channel)
      if (listeners === undefined) this.#channels.set(channel, new Set([listener]))
      else listeners.add(listener)
    }
    this.#connection.keepAlive(true)
    await this.#tell('subscribe', channels)
  }

  /** Resolves when everything that was published before has been heard. */
  async barrier(): Promise<void> {
    await this.#connection.call('waiting for subscriptions', 'ping')
  }

  leave(channels: readonly string[], listener: Listener): void {
    const deserted: string[] = []
    for (const channel of channels) {
      const listeners = this.#channels.get(channel)
      listeners?.delete(listener)
      if (listeners?.size === 0) {
        this.#channels.delete(channel)
        deserted.push(channel)
      }
    }
    if (this.idle) this.#connection.keepAlive(false)
    if (this.#connection.open) this.#tell('unsubscribe', deserted).catch(() => {})
  }

  #tell(what: 'subscribe' | 'unsubscribe', channels: readonly string[]): Promise<void> {
    const told = this.#queue.then(async () => {
      // Somebody may have come, or left, while this waited.
      const wanted = channels.filter(channel => this.#channels.has(channel) === (what === 'subscribe'))
      for (let at = 0; at < wanted.length; at += BATCH) {
        await this.#connection.call('subscribing to results', what, wanted.slice(at, at + BATCH))
      }
    })
    this.#queue = told.catch(() => {})
    return told
  }
}
