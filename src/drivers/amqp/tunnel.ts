import { deferred } from '../../lib/deferred.js'
import { ServiceThread } from '../service-thread.js'
import { AmqpError } from './amqp-error.js'
import type { AmqpTarget } from './amqp-target.js'
import type { Guard } from './guard.js'
import type { LineConfig, LineEvent } from './line-service.js'
import { tlsSettings } from './tls-settings.js'

/** More than a prefetch window holds, and no harm to a process that is given it. */
const READ_AHEAD = 16 * 1024 * 1024

/** No guard can be had here, and why. */
export class NoGuard {
  readonly why: string

  constructor(why: string) {
    this.why = why
  }
}

/**
 * A connection to RabbitMQ that lives on a thread of its own (D24): user code may keep the event loop for as long as it
 * likes, heartbeats go both ways meanwhile. The client library is given a local socket, `path`, and speaks over it. It costs each
 * piece of data two more hops, so it is for connections that nobody else can write heartbeats into: encrypted ones, and those
 * of systems that show no descriptors (kept-alive.ts has the others).
 *
 * It ends when that socket is closed, when the server ends it, and when the server is silent for two heartbeats.
 */
export class Tunnel implements Guard {
  readonly path: string
  readonly lost: Promise<AmqpError>
  readonly #thread: AsyncDisposable

  private constructor(path: string, lost: Promise<AmqpError>, thread: AsyncDisposable) {
    this.path = path
    this.lost = lost
    this.#thread = thread
  }

  /** Connected, to be called. Rejects with `AmqpError`, `NoGuard`, or the signal's reason. */
  static async open(target: AmqpTarget, signal: AbortSignal): Promise<Tunnel> {
    const { host, port, tls } = target
    const ready = deferred<string>()
    const lost = deferred<AmqpError>()
    const config: LineConfig = {
      host,
      port,
      tls: tls === undefined ? undefined : tlsSettings(tls, host),
      readAhead: READ_AHEAD,
    }
    const thread = new ServiceThread<LineConfig>({
      module: new URL('./line-service.js', import.meta.url),
      config,
      name: 'lovage-amqp',
      // The service emits nothing else.
      onEvent: event => hear(event as LineEvent),
      onDeath: cause => {
        const why = cause instanceof Error ? cause.message : String(cause)
        const error = new AmqpError('lost', `the thread of the connection died: ${why}`, { cause })
        ready.reject(error)
        lost.resolve(error)
      },
    })
    const hear = (event: LineEvent): void => {
      switch (event.kind) {
        case 'ready':
          ready.resolve(event.path)
          break
        case 'failed':
          ready.reject(new AmqpError(event.trouble, event.message))
          break
        case 'nowhere':
          ready.reject(new NoGuard(event.message))
          break
        case 'silent':
          lost.resolve(new AmqpError('lost', 'Heartbeat timeout'))
          break
        default:
          event satisfies never
      }
    }
    const abort = (): void => ready.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return new Tunnel(await ready.promise, lost.promise, thread)
    } catch (error) {
      await thread[Symbol.asyncDispose]()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
