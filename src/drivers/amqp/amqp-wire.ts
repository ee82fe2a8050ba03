import type { Socket } from 'node:net'
import type { Channel, ChannelModel } from 'amqplib'
import { deferred } from '../../lib/deferred.js'
import { endOfTurn } from '../../lib/node-turn.js'
import type { Ms } from '../../lib/time.js'
import { AmqpChannel } from './amqp-channel.js'
import { AmqpError, asAmqpError } from './amqp-error.js'
import type { Guard } from './guard.js'

/** A server that does not answer our goodbye gets no longer than this. */
const GOODBYE: Ms = 2000

/**
 * One connection to RabbitMQ. It never heals itself: when it is gone, `closed` settles and every channel ends.
 *
 * What one turn of the event loop sends leaves in one write: the library's channels are led past its multiplexer, which
 * would write frame by frame a turn later. Where a later version of the library is built differently they stay as they are.
 */
export class AmqpWire {
  /** Of the server: `3.10.8`. */
  readonly version: string
  /** Settles once, never rejects: undefined = we closed it. */
  readonly closed: Promise<AmqpError | undefined>
  readonly #model: ChannelModel
  readonly #socket: Socket | undefined
  readonly #guard: Guard | undefined
  readonly #ended = deferred<AmqpError | undefined>()
  readonly #onBlocked: ((reason: string | undefined) => void)[] = []
  #corked = false
  #closing: Promise<void> | undefined
  #trouble: AmqpError | undefined

  constructor(model: ChannelModel, guard?: Guard) {
    this.#model = model
    this.#guard = guard
    this.#socket = socketOf(model)
    this.version = String(model.connection.serverProperties.version)
    this.closed = this.#ended.promise
    model.on('error', error => {
      this.#trouble ??= asAmqpError(error)
    })
    model.on('close', error => {
      const why = this.#trouble ?? (error === undefined ? undefined : asAmqpError(error))
      this.#ended.resolve(this.#closing === undefined ? (why ?? new AmqpError('lost', 'closed')) : undefined)
    })
    model.on('blocked', reason => this.#tellBlocked(reason))
    model.on('unblocked', () => this.#tellBlocked(undefined))
    if (guard !== undefined) this.#leaveTo(guard)
  }

  /** Rejects with `AmqpError`. */
  async channel(): Promise<AmqpChannel> {
    try {
      const channel = await this.#model.createChannel()
      this.#lead(channel)
      return new AmqpChannel(channel)
    } catch (cause) {
      throw asAmqpError(cause)
    }
  }

  /** With a reason while the server takes no publishes (memory or disk alarm), undefined when it does again. */
  onBlocked(tell: (reason: string | undefined) => void): void {
    this.#onBlocked.push(tell)
  }

  /** Sends now what this turn has gathered. */
  flush(): void {
    this.#uncork()
  }

  /** Ends the connection without a word. */
  drop(error: AmqpError): void {
    this.#trouble ??= error
    if (this.#socket === undefined) void this.close()
    else this.#socket.destroy(error)
  }

  /** What was sent before leaves before. Never rejects, and ends within two seconds. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#uncork()
    const timer = setTimeout(() => {
      this.#socket?.destroy()
      this.#ended.resolve(undefined)
    }, GOODBYE)
    this.#model.close().then(
      () => this.#ended.resolve(undefined),
      () => this.#ended.resolve(undefined),
    )
    await this.closed
    clearTimeout(timer)
    this.#socket?.destroySoon()
    await this.#guard?.[Symbol.asyncDispose]()
  }

  /** The guard looks after both sides' heartbeats; the library's timers, which user code can hold up, must not judge. */
  #leaveTo(guard: Guard): void {
    ;(this.#model.connection as unknown as Internals).heartbeater?.clear()
    void guard.lost.then(error => this.drop(error))
    void this.closed.then(() => guard[Symbol.asyncDispose]())
  }

  #tellBlocked(reason: string | undefined): void {
    for (const tell of this.#onBlocked) tell(reason)
  }

  /** Its frames go straight to the socket, gathered until the turn ends. */
  #lead(channel: Channel): void {
    const socket = this.#socket
    const places = (this.#model.connection as unknown as Internals).channels
    const { ch } = channel as unknown as { readonly ch?: number }
    const place = ch === undefined ? undefined : places?.[ch]
    if (socket === undefined || typeof place?.buffer?.write !== 'function') return
    const original = place.buffer
    place.buffer = {
      write: frame => {
        this.#cork(socket)
        return socket.write(frame)
      },
      end: () => original.end(),
    }
  }

  #cork(socket: Socket): void {
    if (this.#corked) return
    this.#corked = true
    socket.cork()
    endOfTurn(() => this.#uncork())
  }

  #uncork(): void {
    if (!this.#corked) return
    this.#corked = false
    this.#socket?.uncork()
  }
}

/** What we use of the library's insides, as of 2.3; every use asks first whether it is there. */
interface Internals {
  readonly stream?: Socket
  readonly heartbeater?: { clear(): void } | null
  readonly channels?: readonly ({ buffer?: FrameSink } | null | undefined)[]
}

interface FrameSink {
  write(frame: Uint8Array): boolean
  end(): void
}

export function socketOf(model: ChannelModel): Socket | undefined {
  const { stream } = model.connection as unknown as Internals
  return typeof stream?.cork === 'function' && typeof stream.destroySoon === 'function' ? stream : undefined
}
