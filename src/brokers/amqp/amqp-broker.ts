import type { AmqpLogin, AmqpTarget } from '../../drivers/amqp/amqp-target.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import type { ManagementTarget } from '../../drivers/amqp/management.js'
import { openAmqp } from '../../drivers/amqp/open-amqp.js'
import { ConfigError } from '../../lib/errors.js'
import { isLoopback } from '../../lib/loopback.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Broker, BrokerFeatures, ConnectOptions } from '../broker.js'
import { AckTimeouts } from './ack-timeouts.js'
import type { AmqpBehaviour } from './amqp-behaviour.js'
import { AmqpConnection } from './amqp-connection.js'
import { AmqpShell } from './amqp-shell.js'
import { type AmqpUrl, parseAmqpUrl } from './amqp-url.js'
import { tlsOptions } from './tls-options.js'
import { type AmqpPlace, connectTrouble, operationTrouble } from './trouble.js'

/*
 * RabbitMQ. It does its own routing, ordering, prefetch and redelivery; what is ours is told at the pieces:
 *
 * - publishing, confirms, returned messages, alarms: confirmed-publisher.ts; over which line: lines.ts
 * - consuming, prefetch windows, cancelled consumers: amqp-consumer.ts
 * - verdicts and their batching, tokens of dead channels: holdings.ts, amqp-delivery.ts
 * - how often a message has failed: past.ts
 * - what is declared, and what never is: topology.ts
 * - delays: cascade.ts, native-delay.ts and delayed-delivery.ts (Celery's), parking.ts (ours)
 * - what AMQP cannot tell, and the management plugin can: listing.ts, warn-of-limits.ts
 * - what can go wrong, and what is said of it: trouble.ts
 *
 * Held messages are guarded by the connection: when it ends, RabbitMQ hands them out again, at once, flagged. A holder
 * that merely stands still is found out by heartbeats; they come from a thread where user code may keep the event loop
 * from turning (drivers/amqp/guard.ts).
 */

export interface AmqpBrokerOptions {
  /** One URL; `amqp://`, `amqps://`, `pyamqp://`, `pyamqps://`, `librabbitmq://`. */
  readonly url: string
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  /** Offered to the server; 0 or undefined = none. Default 30 s. The URL's own wins, as for all of these. */
  readonly heartbeat?: Ms | undefined
  /** For making one connection. Default 4 s. */
  readonly connectTimeout?: Ms | undefined
  /** PLAIN, AMQPLAIN or EXTERNAL. Default PLAIN. */
  readonly loginMethod?: string | undefined
  /** True, or TLS options under Celery's names: TLS also for a plain scheme. */
  readonly useSsl?: boolean | Readonly<Record<string, unknown>> | undefined
  readonly behaviour?: Partial<AmqpBehaviour> | undefined
  /** RabbitMQ's `consumer_timeout` (D32). Default 30 min, as it is there. */
  readonly consumerTimeout?: Ms | undefined
  /** Of the management plugin. Default: port 15672 of the same host. */
  readonly managementUrl?: string | undefined
}

const FEATURES: BrokerFeatures = {
  delays: false,
  parking: true,
  publishDedupe: false,
  leases: false,
  exchanges: ['direct', 'topic', 'fanout'],
  durable: true,
}

const BEHAVIOUR: AmqpBehaviour = {
  confirms: true,
  publishTimeout: 5000,
  declare: 'active',
  publishVia: 'default',
  quorum: false,
  delayQueueType: 'quorum',
}

/** Connects nowhere yet. Throws `ConfigError`: `LVG_BAD_URL`, `LVG_TLS_OPTION`. */
export function createAmqpBroker(options: AmqpBrokerOptions): AmqpBroker {
  return new AmqpBroker(options)
}

export class AmqpBroker implements Broker {
  readonly url: string
  readonly features: BrokerFeatures = FEATURES
  readonly #target: AmqpTarget
  readonly #place: AmqpPlace
  readonly #runtime: AmqpBrokerOptions['runtime']
  readonly #behaviour: AmqpBehaviour
  readonly #timeouts: AckTimeouts
  readonly #management: ManagementTarget | undefined
  readonly #connections = new Set<AmqpConnection>()
  readonly #delayed = new Set<QueueName>()
  #warned = false
  #disposed = false

  constructor(options: AmqpBrokerOptions) {
    this.url = maskUrl(options.url)
    this.#target = targetOf(parseAmqpUrl(options.url), options)
    const { host, port, vhost, login, tls } = this.#target
    const user = login.method === 'EXTERNAL' ? '(client certificate)' : login.user
    this.#place = { url: this.url, vhost, user, address: `${host}:${port}`, tls: tls !== undefined }
    this.#runtime = options.runtime
    this.#timeouts = new AckTimeouts(options.runtime, options.consumerTimeout ?? 1_800_000)
    this.#management = managementOf(this.#target, options.managementUrl)
    this.#behaviour = { ...BEHAVIOUR, ...options.behaviour }
  }

  /** Rejects with `BrokerError` within the connection timeout, or with `ConfigError` where a package is missing. */
  async connect({ name, guarded = false }: ConnectOptions, signal?: AbortSignal): Promise<AmqpConnection> {
    this.#warnOnce()
    const wire = await this.#open(name, guarded, signal)
    const connection = new AmqpConnection({
      wire,
      place: this.#place,
      runtime: this.#runtime,
      behaviour: this.#behaviour,
      name,
      timeouts: this.#timeouts,
      management: this.#management,
      delayed: this.#delayed,
      openWire: () => this.#open(name, guarded),
    })
    this.#connections.add(connection)
    void connection.closed.then(() => this.#connections.delete(connection))
    if (this.#disposed) await connection[Symbol.asyncDispose]()
    return connection
  }

  /** A connection with AMQP's own verbs. Rejects as `connect` does. */
  async openShell(name: string, signal?: AbortSignal): Promise<AmqpShell> {
    const wire = await this.#open(name, false, signal)
    return new AmqpShell(wire, (doing, cause) => operationTrouble(doing, cause, this.#place))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await Promise.all([...this.#connections].map(connection => connection[Symbol.asyncDispose]()))
  }

  async #open(name: string, guarded: boolean, signal?: AbortSignal): Promise<AmqpWire> {
    const unguarded = guarded ? (why: string) => this.#warnUnguarded(why) : undefined
    try {
      return await openAmqp(this.#target, { name, signal, unguarded })
    } catch (error) {
      throw connectTrouble(error, this.#place)
    }
  }

  #warnUnguarded(why: string): void {
    this.#runtime.log.warning(
      `The connection to ${this.url} ends when a task keeps the event loop for longer than two heartbeats: no socket can be made for the thread that would keep it (${why}). Let TMPDIR name a writable folder.`,
    )
  }

  /** What weakens the connection is said once per process and broker (S40, S44, S30). */
  #warnOnce(): void {
    if (this.#warned) return
    this.#warned = true
    const { host, tls, login } = this.#target
    const { log } = this.#runtime
    if (tls?.verify === false)
      log.warning(
        `TLS to ${this.url} does not check who answers (cert_reqs): anybody in between can read and change everything.`,
      )
    if (isLoopback(host)) return
    if (tls === undefined && login.method !== 'EXTERNAL')
      log.warning(`The password for ${this.url} and all tasks travel in plain text: use amqps://.`)
    if (login.method !== 'EXTERNAL' && login.user === 'guest')
      log.warning(`${this.url} is used as 'guest', whose password everybody knows: make an account for it.`)
  }
}

function targetOf(url: AmqpUrl, options: AmqpBrokerOptions): AmqpTarget {
  const { useSsl = false } = options
  const secure = url.tls || useSsl !== false
  const heartbeat = url.heartbeat ?? Math.round((options.heartbeat ?? 30_000) / 1000)
  return {
    host: url.host,
    port: url.port ?? (secure ? 5671 : 5672),
    vhost: url.vhost,
    login: loginOf(url, options.loginMethod),
    tls: secure ? tlsOptions(typeof useSsl === 'object' ? useSsl : {}, url.ssl) : undefined,
    heartbeat,
    timeout: url.connectionTimeout ?? options.connectTimeout ?? 4000,
  }
}

/** With a client certificate there is no password that the plugin would take. */
function managementOf({ host, vhost, login }: AmqpTarget, url: string | undefined): ManagementTarget | undefined {
  if (login.method === 'EXTERNAL') return undefined
  const place = host.includes(':') ? `[${host}]` : host
  return { url: url ?? `http://${place}:15672`, user: login.user, password: login.password, vhost }
}

function loginOf({ user = 'guest', password = 'guest', loginMethod }: AmqpUrl, given: string | undefined): AmqpLogin {
  const method = (loginMethod ?? given ?? 'PLAIN').toUpperCase()
  switch (method) {
    case 'PLAIN':
    case 'AMQPLAIN':
      return { method, user, password }
    case 'EXTERNAL':
      return { method }
    default:
      throw new ConfigError(
        'LVG_BAD_SETTING',
        `There is no login method '${method}': \`brokerLoginMethod\` is PLAIN, AMQPLAIN or EXTERNAL.`,
      )
  }
}
