import { connect as dial, type Socket } from 'node:net'
import { type ConnectionOptions, connect as dialTls } from 'node:tls'
import { deferred } from '../../lib/deferred.js'
import type { ServiceFactory, ServiceWorld } from '../service-thread.js'
import { type AmqpTrouble, openingError } from './amqp-error.js'
import { CallBox } from './call-box.js'
import { FrameWalk } from './frame-walk.js'
import { heartbeatFrame } from './heartbeat-frame.js'
import { grown, Pulse } from './pulse.js'
import type { TlsSettings } from './tls-settings.js'

/*
 * The thread's side of a tunnel (tunnel.ts): a connection to RabbitMQ that goes on while the event loop of its
 * owner stands still. The owner calls over a local socket and speaks AMQP as if to the server. What it says is passed on, and
 * when it says nothing, heartbeats are put between its frames; what the server says is passed back, kept here for an owner
 * that does not listen, up to a bound.
 */

export interface LineConfig {
  readonly host: string
  readonly port: number
  readonly tls: TlsSettings | undefined
  /** Bytes kept for an owner that does not read; then no more is taken from the server. */
  readonly readAhead: number
}

export type LineEvent =
  /** Connected: the owner may call there, once. */
  | { readonly kind: 'ready'; readonly path: string }
  /** The server cannot be reached. */
  | { readonly kind: 'failed'; readonly trouble: AmqpTrouble; readonly message: string }
  /** There is no place for the local socket. */
  | { readonly kind: 'nowhere'; readonly message: string }
  /** Two heartbeats of the server have not come. */
  | { readonly kind: 'silent' }

export const service: ServiceFactory<LineConfig> = (config, world) => new LineService(config, world)

class LineService implements AsyncDisposable {
  readonly #world: ServiceWorld
  readonly #config: LineConfig
  readonly #server: Socket
  readonly #opening: Promise<void>
  #owner: Socket | undefined
  #box: CallBox | undefined
  #pulse: Pulse | undefined
  #ended = false

  constructor(config: LineConfig, world: ServiceWorld) {
    this.#config = config
    this.#world = world
    this.#server = connect(config)
    this.#opening = this.#open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    this.#pulse?.[Symbol.dispose]()
    this.#server.destroy()
    this.#owner?.destroy()
    await this.#box?.[Symbol.asyncDispose]()
    await this.#opening
  }

  /** Never rejects. */
  async #open(): Promise<void> {
    try {
      await connected(this.#server, this.#config.tls !== undefined)
    } catch (cause) {
      const { trouble, message } = openingError(cause, this.#config.tls !== undefined, undefined)
      return this.#emit({ kind: 'failed', trouble, message })
    }
    try {
      const box = await CallBox.open()
      this.#box = box
      void box.called.then(owner => this.#connect(owner))
      if (this.#ended) return await box[Symbol.asyncDispose]()
      this.#emit({ kind: 'ready', path: box.path })
    } catch (cause) {
      this.#server.destroy()
      this.#emit({ kind: 'nowhere', message: cause instanceof Error ? cause.message : String(cause) })
    }
  }

  #connect(owner: Socket): void {
    void this.#box?.[Symbol.asyncDispose]()
    const server = this.#server
    this.#owner = owner
    const walk = new FrameWalk()
    server.on('data', bytes => {
      owner.write(bytes)
      if (owner.writableLength > this.#config.readAhead) server.pause()
    })
    owner.on('drain', () => server.resume())
    owner.on('data', bytes => {
      walk.feed(bytes)
      if (!server.write(bytes)) owner.pause()
      if (this.#pulse === undefined && walk.heartbeat !== undefined) this.#startPulse(walk, walk.heartbeat, owner)
    })
    server.on('drain', () => owner.resume())
    for (const [one, other] of [
      [server, owner],
      [owner, server],
    ] as const) {
      one.on('end', () => other.end())
      one.on('error', () => undefined)
      one.on('close', () => {
        this.#pulse?.[Symbol.dispose]()
        other.destroySoon()
      })
    }
    if (server.destroyed) owner.destroySoon()
    server.resume()
    owner.resume()
  }

  #startPulse(walk: FrameWalk, seconds: number, owner: Socket): void {
    const server = this.#server
    if (seconds === 0 || this.#ended) return
    const heard = grown(() => server.bytesRead)
    this.#pulse = new Pulse({
      clock: this.#world.clock,
      interval: seconds * 1000,
      sent: grown(() => owner.bytesRead),
      beat: () => {
        // What is still to be written will be heard.
        if (walk.between && server.writableLength === 0 && !server.writableEnded) server.write(heartbeatFrame())
      },
      heard: () => heard() || server.isPaused(),
      silent: () => this.#emit({ kind: 'silent' }),
    })
  }

  #emit(event: LineEvent): void {
    if (!this.#ended) this.#world.emit(event)
  }
}

function connect({ host, port, tls }: LineConfig): Socket {
  const place = { host, port }
  // Views of bytes, which is what Buffers come through structured clone as, are as good.
  const socket = tls === undefined ? dial(place) : dialTls({ ...place, ...(tls as ConnectionOptions) })
  socket.on('error', () => undefined)
  return socket.setNoDelay(true).setKeepAlive(true)
}

async function connected(socket: Socket, secure: boolean): Promise<void> {
  const done = deferred()
  socket.once(secure ? 'secureConnect' : 'connect', done.resolve)
  socket.once('error', done.reject)
  socket.once('close', () => done.reject(new Error('closed abruptly')))
  await done.promise
  socket.pause()
}
