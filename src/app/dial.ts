import type { Broker, Connection } from '../brokers/broker.js'
import { type BrokerError, NotSentError } from '../brokers/errors.js'
import { deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'

export interface DialOptions {
  readonly runtime: Pick<Runtime, 'clock'>
  /** Shown by the broker's own tools. */
  readonly name: string
  /** Longest wait for a connection; undefined = as long as the broker takes. */
  readonly connectTimeout: Ms | undefined
}

/** Connects, or gives up after `connectTimeout` or when the signal fires, whether the broker heeds that or not. */
export async function dial(broker: Broker, options: DialOptions, signal: AbortSignal): Promise<Connection> {
  const { runtime, name, connectTimeout } = options
  const over = deferred<never>()
  const stop = new AbortController()
  const giveUp = (error: unknown): void => {
    stop.abort(error)
    over.reject(error)
  }
  const abort = (): void => giveUp(signal.reason)
  using _timer =
    connectTimeout === undefined
      ? undefined
      : runtime.clock.timer(connectTimeout, () => giveUp(tooSlow(broker, connectTimeout)))
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  const dialled = broker.connect({ name }, stop.signal)
  dialled.then(
    connection => stop.signal.aborted && void connection[Symbol.asyncDispose](),
    () => undefined,
  )
  try {
    return await Promise.race([dialled, over.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function tooSlow(broker: Broker, timeout: Ms): BrokerError {
  return new NotSentError('LVG_NOT_SENT', `No connection to ${broker.url} within ${timeout / 1000} s.`, {
    transient: true,
  })
}
