import { channel as diagnostics } from 'node:diagnostics_channel'
import { connect as netConnect, type Socket } from 'node:net'
import type { ChannelModel, SocketOptions } from 'amqplib'
import { AmqpError, openingError } from './amqp-error.js'
import type { AmqpLogin, AmqpTarget, AmqpTls } from './amqp-target.js'
import { AmqpWire, socketOf } from './amqp-wire.js'
import { descriptorOf, KeptAlive } from './kept-alive.js'
import { loadAmqplib } from './load-amqplib.js'
import { tlsSettings } from './tls-settings.js'
import { NoGuard, Tunnel } from './tunnel.js'

/** How much of what the server says during the handshake is kept, to find its reason for refusing. */
const SEEN_BYTES = 4096

export interface OpenAmqpOptions {
  /** Shown by RabbitMQ's tools. */
  readonly name: string
  readonly signal?: AbortSignal | undefined
  /**
   * The connection is to live while user code keeps this event loop from turning (D24). It is told why that cannot be had,
   * and the connection is made without it.
   */
  readonly unguarded?: ((why: string) => void) | undefined
}

/**
 * Opens one connection; rejects with `AmqpError`, within the target's timeout in any case, and at once when the signal
 * fires.
 */
export async function openAmqp(target: AmqpTarget, options: OpenAmqpOptions): Promise<AmqpWire> {
  const { name, signal, unguarded } = options
  const amqplib = loadAmqplib()
  const { host, port, vhost, tls, heartbeat } = target
  const stop = new AbortController()
  const abort = (): void => stop.abort(new AmqpError('lost', 'connecting was aborted', { cause: signal?.reason }))
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const timer = setTimeout(
    () => stop.abort(new AmqpError('silent', `no answer within ${target.timeout / 1000} s`)),
    target.timeout,
  )
  const seen = new Seen()
  let tunnel: Tunnel | undefined
  try {
    stop.signal.throwIfAborted()
    if (unguarded !== undefined && needsTunnel(target)) tunnel = await openTunnel(target, stop.signal, unguarded)
    const secure = tls !== undefined && tunnel === undefined
    const socket = secure ? tlsOptions(tls, host, port, stop.signal) : plainOptions(tunnel, stop.signal)
    const opened = seen.watch(() =>
      amqplib.connect(
        { protocol: secure ? 'amqps' : 'amqp', hostname: host, port, vhost, heartbeat },
        {
          ...socket,
          noDelay: true,
          keepAlive: true,
          credentials: credentialsFor(target.login, amqplib.credentials),
          clientProperties: clientProperties(name),
        },
      ),
    )
    const model = await abortable(opened, stop.signal)
    return new AmqpWire(model, tunnel ?? (unguarded === undefined ? undefined : keptAlive(model)))
  } catch (cause) {
    await tunnel?.[Symbol.asyncDispose]()
    throw stop.signal.aborted ? stop.signal.reason : openingError(cause, tls !== undefined, seen.reason())
  } finally {
    clearTimeout(timer)
    seen.stop()
    signal?.removeEventListener('abort', abort)
  }
}

/** Whether a thread could not write heartbeats into the connection's own socket. */
function needsTunnel({ tls, heartbeat }: AmqpTarget): boolean {
  return heartbeat > 0 && (tls !== undefined || process.platform === 'win32')
}

async function openTunnel(
  target: AmqpTarget,
  signal: AbortSignal,
  unguarded: (why: string) => void,
): Promise<Tunnel | undefined> {
  try {
    return await Tunnel.open(target, signal)
  } catch (error) {
    if (!(error instanceof NoGuard)) throw error
    unguarded(error.why)
    return undefined
  }
}

/** Undefined where no heartbeats were agreed upon, or TLS has no tunnel. */
function keptAlive(model: ChannelModel): KeptAlive | undefined {
  const socket = socketOf(model)
  const { heartbeat = 0 } = model.connection as unknown as { readonly heartbeat?: number }
  const fd = socket === undefined ? undefined : descriptorOf(socket)
  return socket === undefined || fd === undefined || heartbeat === 0 ? undefined : new KeptAlive(socket, fd, heartbeat)
}

/** The signal destroys the socket; a library that does not notice must not keep us waiting. */
async function abortable(opened: Promise<ChannelModel>, signal: AbortSignal): Promise<ChannelModel> {
  let abort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  opened.then(
    model => signal.aborted && void model.close().catch(() => {}),
    () => {},
  )
  try {
    return await Promise.race([opened, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

type Credentials = ReturnType<typeof loadAmqplib>['credentials']
type Credential = ReturnType<Credentials['external']>

function credentialsFor(login: AmqpLogin, make: Credentials): Credential {
  switch (login.method) {
    case 'PLAIN':
      return make.plain(login.user, login.password)
    case 'AMQPLAIN':
      return make.amqplain(login.user, login.password)
    case 'EXTERNAL':
      return make.external()
    default:
      return login satisfies never
  }
}

/** The library adds the capabilities; the rest is what RabbitMQ's tools show of a connection. */
function clientProperties(name: string): Readonly<Record<string, unknown>> {
  return { product: 'lovage', platform: `Node.js ${process.version}`, information: 'lovage', connection_name: name }
}

// The library hands all of it to `net.connect` or `tls.connect`; its type names the usual ones.

function plainOptions(tunnel: Tunnel | undefined, signal: AbortSignal): SocketOptions {
  return { signal, ...(tunnel === undefined ? {} : { path: tunnel.path }) } as SocketOptions
}

function tlsOptions(tls: AmqpTls, host: string, port: number, signal: AbortSignal): SocketOptions {
  const settings = tlsSettings(tls, host)
  // The TCP connection is made here: TLS sockets do not heed signals.
  const socket: Socket = netConnect({ host, port, signal })
  socket.setNoDelay(true)
  return { socket, ...settings } as unknown as SocketOptions
}

/**
 * Overhears the handshake of a plain connection. The library says that the virtual host was refused, but not why; the
 * reason stands in the server's last words.
 */
class Seen {
  #bytes = Buffer.alloc(0)
  #socket: Socket | undefined

  /** `connect` makes its socket at once. */
  watch<T>(connect: () => T): T {
    const made = diagnostics('net.client.socket')
    const listen = (event: unknown): void => {
      this.#socket = (event as { readonly socket: Socket }).socket.on('data', this.#keep)
    }
    made.subscribe(listen)
    try {
      return connect()
    } finally {
      made.unsubscribe(listen)
    }
  }

  stop(): void {
    this.#socket?.off('data', this.#keep)
  }

  /** The text of a `connection.close`: class 10, method 50, reply code, short string. */
  reason(): string | undefined {
    const at = this.#bytes.indexOf(Uint8Array.of(0, 10, 0, 50))
    if (at < 0 || at + 7 > this.#bytes.length) return undefined
    const length = this.#bytes.readUInt8(at + 6)
    return this.#bytes.toString('utf8', at + 7, at + 7 + length)
  }

  readonly #keep = (chunk: Buffer): void => {
    if (this.#bytes.length < SEEN_BYTES) this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, SEEN_BYTES)])
  }
}
