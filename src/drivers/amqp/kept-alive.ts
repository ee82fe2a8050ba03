import type { Socket } from 'node:net'
import { deferred } from '../../lib/deferred.js'
import { nodeRuntime } from '../../lib/node-runtime.js'
import type { Ms } from '../../lib/time.js'
import { ServiceThread } from '../service-thread.js'
import { AmqpError } from './amqp-error.js'
import type { Guard } from './guard.js'
import type { HeartbeatConfig } from './heartbeat-service.js'
import { Pen } from './pen.js'
import { grown, Pulse } from './pulse.js'

/** Descriptor of a socket; undefined where the system's handle has none, as on Windows, or where it does not speak plain TCP. */
export function descriptorOf(socket: Socket): number | undefined {
  const { fd } = (socket as unknown as Insides)._handle ?? {}
  return typeof fd === 'number' && fd >= 0 && !('encrypted' in socket) ? fd : undefined
}

/**
 * Keeps a plain connection alive while user code keeps the event loop from turning (D24): a thread writes heartbeats into the
 * socket whenever its owner writes nothing. Both take the pen for it, so that a heartbeat stands between two frames. What the
 * server says waits in the system meanwhile. Costs nothing on the way of a message.
 */
export class KeptAlive implements Guard {
  readonly lost: Promise<AmqpError>
  readonly #lost = deferred<AmqpError>()
  readonly #pulse: Pulse
  readonly #thread: AsyncDisposable
  readonly #interval: Ms
  #lookedAt: Ms = performance.now()

  constructor(socket: Socket, fd: number, seconds: number) {
    this.lost = this.#lost.promise
    this.#interval = seconds * 1000
    const pen = new Pen()
    share(socket, pen)
    this.#thread = new ServiceThread<HeartbeatConfig>({
      module: new URL('./heartbeat-service.js', import.meta.url),
      config: { fd, pen: pen.memory, seconds },
      name: 'lovage-amqp',
      onEvent: () => undefined,
      onDeath: cause => {
        const why = cause instanceof Error ? cause.message : String(cause)
        this.#lost.resolve(new AmqpError('lost', `the thread of the connection died: ${why}`, { cause }))
      },
    })
    const heard = grown(() => socket.bytesRead)
    this.#pulse = new Pulse({
      clock: nodeRuntime().clock,
      interval: this.#interval,
      sent: () => true,
      beat: () => undefined,
      heard: () => [heard(), this.#stoodStill()].includes(true),
      silent: () => this.#lost.resolve(new AmqpError('lost', 'Heartbeat timeout')),
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pulse[Symbol.dispose]()
    await this.#thread[Symbol.asyncDispose]()
  }

  /** What came while this loop stood still has not been read yet. */
  #stoodStill(): boolean {
    const now = performance.now()
    const late = now - this.#lookedAt > 1.5 * this.#interval
    this.#lookedAt = now
    return late
  }
}

/** From now on the socket takes the pen before it hands bytes to the system, and breaks it before it closes. */
export function share(socket: Socket, pen: Pen): void {
  const insides = socket as unknown as Insides
  const { _write, _writev, _destroy } = insides
  const putting = (done: Done): Done | undefined => {
    if (!pen.take()) {
      done(new Error('the socket is closed, or a heartbeat could not be ended'))
      return undefined
    }
    return error => {
      pen.put()
      done(error)
    }
  }
  insides._write = (chunk, encoding, done) => {
    const put = putting(done)
    if (put !== undefined) _write.call(socket, chunk, encoding, put)
  }
  insides._writev = (chunks, done) => {
    const put = putting(done)
    if (put !== undefined) _writev.call(socket, chunks, put)
  }
  insides._destroy = (error, done) => {
    pen.break()
    _destroy.call(socket, error, done)
  }
}

type Done = (error?: Error | null) => void

/** What every stream implements, and every socket's stream is. */
interface Insides {
  readonly _handle?: { readonly fd?: number } | null
  _write(chunk: unknown, encoding: string, done: Done): void
  _writev(chunks: unknown, done: Done): void
  _destroy(error: Error | null, done: Done): void
}
