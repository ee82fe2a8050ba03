import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import { ConfigError } from '../../lib/errors.js'
import { BrokerError, NotSentError, PublishUnknownError, RejectedByBrokerError } from '../errors.js'

/** What names the other side in messages. */
export interface AmqpPlace {
  /** Password masked. */
  readonly url: string
  readonly vhost: string
  /** As whom we log in. */
  readonly user: string
  /** Of the URL's host and port, for remedies. */
  readonly address: string
  readonly tls: boolean
}

/** What was named does not exist there. */
export const NOT_FOUND = 'LVG_BROKER_NOT_FOUND'

type Told = readonly [code: string, what: string, transient: boolean]

/** An error of opening a connection: names the URL, what failed, and the remedy; `transient` when time may mend it. */
export function connectTrouble(error: unknown, place: AmqpPlace): BrokerError | ConfigError {
  if (error instanceof ConfigError || error instanceof BrokerError) return error
  const cause = error as AmqpError
  const [code, what, transient] = toldOfConnecting(cause, place)
  return new BrokerError(code, `Cannot connect to ${place.url}: ${what}`, { cause, transient })
}

function toldOfConnecting(error: AmqpError, { vhost, user, address, tls }: AmqpPlace): Told {
  const said = sentence(error.message)
  switch (error.trouble) {
    case 'unreachable':
      return ['LVG_BROKER_UNREACHABLE', `${said} Is RabbitMQ running at ${address}, and the address right?`, true]
    case 'silent':
      return [
        'LVG_BROKER_UNREACHABLE',
        `${said} Something at ${address} takes connections and does not speak; look at RabbitMQ's log and at what lies between. ` +
          'The wait is `brokerConnectionTimeout`.',
        true,
      ]
    case 'tls':
      return ['LVG_BROKER_TLS', `${said} ${tlsRemedy(error.message)}`, false]
    case 'protocol':
      return [
        'LVG_BROKER_PROTOCOL',
        `what answers at ${address} does not speak AMQP 0-9-1: ${said} ${portRemedy(tls)}`,
        false,
      ]
    case 'login':
      return [
        'LVG_BROKER_LOGIN',
        `${said} Check user and password of '${user}' and \`brokerLoginMethod\`; guest may log in from its own machine only.`,
        false,
      ]
    case 'vhost':
      return vhostTrouble(said, vhost, user)
    case 'refused':
      return ['LVG_BROKER_REFUSED', `${said} The reply code is ${error.reply}.`, isPassing(error.reply)]
    case 'lost':
      return ['LVG_BROKER_LOST', `${said} ${tls ? '' : portRemedy(tls)}`.trim(), true]
    default:
      return error.trouble satisfies never
  }
}

function vhostTrouble(said: string, vhost: string, user: string): Told {
  // A limit of connections or a virtual host that is being started are matters of time.
  const passing = /limit|is down|not (alive|running)/.test(said)
  const remedy = `Make virtual host '${vhost}' and give '${user}' rights in it: rabbitmqctl add_vhost, set_permissions. An empty path in the URL means '/'.`
  return ['LVG_BROKER_VHOST', `${said} ${passing ? '' : remedy}`.trim(), passing]
}

function tlsRemedy(text: string): string {
  if (/file .* cannot be read/.test(text)) return 'Correct the path, or the rights of the file.'
  if (/expired/.test(text)) return 'Renew the certificate; the new one is used from the next connection on.'
  if (/wrong version number|packet length too long|unexpected message|unknown protocol/.test(text)) {
    return 'The port does not speak TLS: use amqp://, or the TLS port (5671).'
  }
  if (/altname|does not match/i.test(text)) {
    return 'Connect by a name the certificate is for, or give it as `server_hostname`.'
  }
  if (/alert|handshake failure|bad certificate|certificate required/i.test(text)) {
    return 'The server refused our certificate: give one it trusts (`certfile`, `keyfile`).'
  }
  return 'Give the certificate authority that signed it (`ca_certs`), and `certfile` and `keyfile` where the server asks for them.'
}

function portRemedy(tls: boolean): string {
  return tls
    ? 'The TLS port of RabbitMQ is 5671.'
    : 'The plain port of RabbitMQ is 5672; its TLS port (5671) wants amqps://, and 15672 is its web page.'
}

/** Reply codes after which the same act may work without anybody changing anything. */
function isPassing(reply: number | undefined): boolean {
  return reply === undefined || reply === 311 || reply === 320 || reply === 405 || reply >= 500
}

/** An error of anything but publishing, on a connection that was open. */
export function operationTrouble(doing: string, error: unknown, place: AmqpPlace): BrokerError {
  if (error instanceof BrokerError) return error
  const cause = error as AmqpError
  const [code, what, transient] = toldOfOperation(cause, place)
  return new BrokerError(code, `RabbitMQ at ${place.url} failed while ${doing}: ${what}`, { cause, transient })
}

function toldOfOperation(error: AmqpError, { user, vhost }: AmqpPlace): Told {
  const said = sentence(error.message)
  switch (error.reply) {
    case 403:
      return ['LVG_BROKER_ACCESS', `${said} ${missingRight(error.message, user, vhost)}`, false]
    case 404:
      return [NOT_FOUND, `${said} Declare it, or let \`brokerDeclare\` be 'active'.`, false]
    case 405:
      return ['LVG_QUEUE_LOCKED', `${said} It belongs to another connection alone, and goes with it.`, true]
    case 406:
      return isTimeout(error)
        ? ['LVG_CONSUMER_TIMEOUT', `${said} ${TIMEOUT_REMEDY}`, true]
        : [
            'LVG_TOPOLOGY_CONFLICT',
            `${said} It exists with other arguments: declare it alike everywhere, change it by a policy instead, or delete it and let it be made anew.`,
            false,
          ]
    case 540:
      return ['LVG_BROKER_REFUSED', `${said}`, true]
    default:
      if (error.trouble === 'lost') return ['LVG_BROKER_LOST', `${said} Connect again.`, true]
      return ['LVG_BROKER_REFUSED', `${said} The reply code is ${error.reply}.`, isPassing(error.reply)]
  }
}

/** D32: an unacknowledged delivery was held for longer than RabbitMQ permits. */
export function isTimeout(error: AmqpError): boolean {
  return error.reply === 406 && /acknowledgement on channel \d+ timed out/.test(error.message)
}

const TIMEOUT_REMEDY =
  'A late-acked task ran longer than `consumer_timeout` of RabbitMQ: raise it (rabbitmq.conf, a policy, or the queue argument x-consumer-timeout), or make the task shorter.'

/** `access to queue 'mail' in vhost 'v' refused for user 'u'`: which right that is follows from what was done. */
function missingRight(text: string, user: string, vhost: string): string {
  const [, kind = '', name = ''] = /(queue|exchange|topic) '([^']*)'/.exec(text) ?? []
  if (name === '') return `Ask for the missing right of user '${user}' in virtual host '${vhost}'.`
  const needed =
    'Declaring needs *configure*, binding needs *write* on the queue and *read* on the exchange, consuming needs *read*, publishing needs *write*'
  return `User '${user}' lacks a right on ${kind} '${name}' in virtual host '${vhost}'. ${needed}: rabbitmqctl set_permissions.`
}

export function lost(error: AmqpError | undefined, place: AmqpPlace): BrokerError {
  if (error !== undefined && error.reply !== undefined) return operationTrouble('serving the connection', error, place)
  const why = sentence(error?.message ?? 'it was closed')
  return new BrokerError('LVG_BROKER_LOST', `The connection to ${place.url} is gone: ${why} Connect again.`, {
    cause: error,
    transient: true,
  })
}

/** Of a session that may declare: the next one makes the queue again, so waiting helps. */
export function queueGone(error: Error, place: AmqpPlace): BrokerError {
  const why = sentence(error.message)
  return new BrokerError('LVG_BROKER_LOST', `Consuming from ${place.url} ended: ${why} Connect again.`, {
    cause: error,
    transient: true,
  })
}

export function connectionClosed(doing: string, place: AmqpPlace): BrokerError {
  const message = `The connection to ${place.url} is closed, so ${doing} is not possible. Connect again.`
  return new BrokerError('LVG_CONNECTION_CLOSED', message, { transient: true })
}

export function notSent(why: string, transient: boolean, cause?: unknown): NotSentError {
  const message = `The message was not sent: ${sentence(why)} Nothing reached RabbitMQ; it is safe to publish again.`
  return new NotSentError('LVG_NOT_SENT', message, { cause, transient })
}

export function blocked(reason: string, { url }: AmqpPlace): NotSentError {
  const message = `RabbitMQ at ${url} takes no messages at the moment: ${sentence(reason)} Make room there (memory, disk); it goes on by itself then.`
  return new NotSentError('LVG_BROKER_BLOCKED', message, { transient: true })
}

export function unanswered(why: string, cause?: unknown): PublishUnknownError {
  const message = `The message was sent, but RabbitMQ did not answer: ${sentence(why)} It may run; publish it again only with the same ids.`
  return new PublishUnknownError('LVG_PUBLISH_UNKNOWN', message, { cause, transient: true })
}

export function refusedByQueue(routingKey: string): RejectedByBrokerError {
  const message = `RabbitMQ did not take the message for '${routingKey}': the queue is full (its max-length and overflow settings), or its node failed. Make room, or look at RabbitMQ's log.`
  return new RejectedByBrokerError('LVG_BROKER_REJECTED', message, { transient: true })
}

/** A publish that closed its channel. */
export function refusedPublish(error: AmqpError, place: AmqpPlace): RejectedByBrokerError {
  const [code, what, transient] = toldOfOperation(error, place)
  return new RejectedByBrokerError(code, `RabbitMQ at ${place.url} refused the message: ${what}`, {
    cause: error,
    transient,
  })
}

function sentence(text: string): string {
  const plain = text.trim()
  return /[.!?]$/.test(plain) ? plain : `${plain}.`
}
