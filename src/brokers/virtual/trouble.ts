import type { Address } from '../broker.js'
import { BrokerError, NotSentError, PublishUnknownError, RejectedByBrokerError, UnroutableError } from '../errors.js'

/** What the port says when the store failed. A `BrokerError` of the store's own knows best and passes through. */
export function storeTrouble(doing: string, cause: unknown): BrokerError {
  if (cause instanceof BrokerError) return cause
  const message = `The broker failed while ${doing}: ${reasonOf(cause)}. Connect again; if it persists, look at the broker.`
  return new BrokerError('LVG_BROKER_FAILED', message, { cause, transient: true })
}

export function connectionClosed(doing: string, cause?: unknown): BrokerError {
  const message = `The connection to the broker is closed, so ${doing} is not possible. Connect again.`
  return new BrokerError('LVG_CONNECTION_CLOSED', message, { cause, transient: true })
}

/** Asked of a broker whose features say that it keeps no limits. */
export function limitsMissing(): BrokerError {
  const message =
    'The store of this broker keeps no limits over the cluster. Name one that does: setting `limitStoreUrl`.'
  return new BrokerError('LVG_LIMITS_MISSING', message, { transient: false })
}

export function notSent(cause: unknown): NotSentError {
  const message = `The message was not sent: ${reasonOf(cause)}. Nothing reached the broker; it is safe to publish again.`
  return new NotSentError('LVG_NOT_SENT', message, { cause, transient: true })
}

/** What became of a push that got no answer: what the store says about it (D06), otherwise nobody knows. */
export function publishTrouble(cause: unknown): BrokerError {
  if (cause instanceof NotSentError || cause instanceof PublishUnknownError) return cause
  if (cause instanceof RejectedByBrokerError) return cause
  const message =
    `The message was sent, but the broker did not answer: ${reasonOf(cause)}. ` +
    'It may run; publish it again only with the same ids.'
  return new PublishUnknownError('LVG_PUBLISH_UNKNOWN', message, { cause, transient: true })
}

export function unroutable(to: Address): UnroutableError {
  const message =
    to.exchange === ''
      ? `There is no queue '${to.routingKey}' to publish to. Declare it, or start a worker that consumes it.`
      : `No queue is bound to exchange '${to.exchange}' so that routing key '${to.routingKey}' reaches it. ` +
        'Declare a queue with that exchange and a matching routing key, or start the worker that consumes it.'
  return new UnroutableError('LVG_UNROUTABLE', message, { transient: false })
}

function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.replace(/\.$/, '')
}
