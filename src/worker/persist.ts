import { BackendError } from '../backends/errors.js'
import { BrokerError } from '../brokers/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { errorText } from '../lib/error-text.js'
import type { SteadyMs } from '../lib/time.js'
import type { Running } from './running.js'
import { isOurs, mayBeLost } from './token.js'
import type { World } from './world.js'

/** What became of a write. */
export type Persisted<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** Waiting does not help. */
  | { readonly kind: 'impossible'; readonly error: unknown }
  /** It may work one day, but not within the time given, or not while the message is ours. */
  | { readonly kind: 'late'; readonly error: unknown }

const WRITE_BACKOFF: BackoffRule = { first: 10, cap: 10_000 }

/**
 * Tries until it works, cannot work, the message is somebody else's, or `writeTimeout` is over: 10 ms doubling to 10 s
 * between tries, with jitter. A single try needs no deadline: every port operation settles at the latest when its connection
 * is found dead.
 */
export async function persist<T>(
  act: () => Promise<T>,
  id: string,
  running: Running | undefined,
  world: World,
): Promise<Persisted<T>> {
  const began = world.runtime.clock.steady()
  try {
    return { kind: 'done', value: await act() }
  } catch (error) {
    return tryAgain(error, began, act, id, running, world)
  }
}

/** `persist`, from its first failure on. */
export async function tryAgain<T>(
  first: unknown,
  began: SteadyMs,
  act: () => Promise<T>,
  id: string,
  running: Running | undefined,
  world: World,
): Promise<Persisted<T>> {
  const { clock, random } = world.runtime
  let error = first
  for (let tries = 0; ; tries++) {
    if (!isTransient(error)) return { kind: 'impossible', error }
    const left = began + world.writeTimeout() - clock.steady()
    if (left <= 0) return { kind: 'late', error }
    if (tries === 0) world.waits(errorText(error), id)
    await clock.sleep(Math.min(backoff(tries, WRITE_BACKOFF, random), left))
    if (running !== undefined && (await isLost(running, world))) return { kind: 'late', error }
    try {
      return { kind: 'done', value: await act() }
    } catch (next) {
      error = next
    }
  }
}

/**
 * D25, while a write is tried again and again: is the message somebody else's by now? One that was acked is nobody's. The end
 * of an execution may still be told when its connection is gone, as its redelivery may be adopted yet (D46); a refusal
 * (revoked, expired, …) is worth nothing then: whoever has the message decides anew.
 */
async function isLost(running: Running, world: World): Promise<boolean> {
  if (running.verdict === 'ack') return false
  if (running.execution !== undefined && !mayBeLost(running, world)) return false
  return !(await isOurs(running, world))
}

/** What is thrown before there is a promise, as its rejection. */
export function tried<T>(act: () => Promise<T>): Promise<T> {
  try {
    return act()
  } catch (error) {
    return Promise.reject(error)
  }
}

function isTransient(error: unknown): boolean {
  return (error instanceof BrokerError || error instanceof BackendError) && error.transient
}
