import type { Delivery, Settled } from '../brokers/broker.js'
import { BrokerError } from '../brokers/errors.js'
import type { Ms } from '../lib/time.js'

/*
 * Verdicts on deliveries. A verdict that finds its connection gone is `stale`, like one that finds its token gone: in
 * both cases the message is somebody else's affair now, and nothing here is to be done about it.
 */

export function ackAll(deliveries: readonly Delivery[]): Promise<readonly Settled[]> {
  return Promise.all(deliveries.map(ack))
}

/** `stale` also when the connection is gone. */
function ack(delivery: Delivery): Promise<Settled> {
  return settled(delivery.ack())
}

/** In as few steps as there can be: nearly every message ends so. `heard` is told the answer. */
export function ackAlone(delivery: Delivery, heard: (settled: Settled) => undefined): Promise<undefined> {
  return delivery.ack().then(heard, error => heard(staleIfBrokerError(error)))
}

const staleIfBrokerError = ifBrokerError<Settled>('stale')

export function beginAll(deliveries: readonly Delivery[]): Promise<readonly Settled[]> {
  return Promise.all(deliveries.map(delivery => settled(delivery.begin())))
}

export function condemnAll(deliveries: readonly Delivery[]): Promise<readonly Settled[]> {
  return Promise.all(deliveries.map(delivery => settled(delivery.condemn())))
}

export function requeueAll(
  deliveries: readonly Delivery[],
  how: { readonly counted: boolean; readonly delay?: Ms | undefined },
): Promise<readonly Settled[]> {
  const { counted, delay } = how
  const given = delay === undefined ? { counted } : { counted, delay }
  return Promise.all(deliveries.map(delivery => settled(delivery.requeue(given))))
}

/** Is any of the tokens still ours? */
export async function anyCurrent(deliveries: readonly Delivery[]): Promise<boolean> {
  const current = await Promise.all(deliveries.map(delivery => delivery.current().catch(ifBrokerError(false))))
  return current.includes(true)
}

function settled(verdict: Promise<Settled>): Promise<Settled> {
  return verdict.catch(ifBrokerError<Settled>('stale'))
}

function ifBrokerError<T>(value: T): (error: unknown) => T {
  return error => {
    if (error instanceof BrokerError) return value
    throw error
  }
}
