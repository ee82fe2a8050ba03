import { execFile } from 'node:child_process'
import { connect as dial } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ChannelModel, connect } from 'amqplib'
import { evaluate } from './erlang.js'

/*
 * RabbitMQ for tests: the server named by LOVAGE_TEST_AMQP (default: this machine's, as guest), and on it a virtual
 * host for each test file, removed with everything in it. A call of rabbitmqctl costs half a second of processor time, so what
 * is done often is evaluated on the node itself (erlang.ts), and a file makes one place and gives its cases queue names of their own.
 *
 * ```ts
 * const rabbit = await openRabbitMq('publishing')
 * after(() => rabbit[Symbol.asyncDispose]())
 * test('…', rabbit.needed, async () => { const broker = createAmqpBroker({ url: rabbit.url, … }) … })
 * ```
 *
 * Alarms, restarts, plugins and certificates are for a node of one's own: rabbitmq-node.ts.
 */

const SERVER = process.env['LOVAGE_TEST_AMQP'] ?? 'amqp://guest:guest@127.0.0.1:5672'
const run = promisify(execFile)

/** Who may administer a node. */
export interface RabbitAdmin {
  /** `rabbitmqctl -q` with these words, its output. Slow. */
  ctl(...words: readonly string[]): Promise<string>
  /** Evaluates Erlang's expressions there, separated by commas and ended with a full stop. */
  eval(expressions: string): Promise<void>
}

/** This machine's server, as its package sets it up. */
const SHARED_NODE = { name: process.env['RABBITMQ_NODENAME'] ?? 'rabbit', home: '/var/lib/rabbitmq' }

const shared: RabbitAdmin = {
  ctl: async (...words) => (await run('rabbitmqctl', ['-q', ...words], { timeout: 120_000 })).stdout,
  async eval(expressions) {
    if ((await evaluate(SHARED_NODE, expressions)) === undefined) await shared.ctl('eval', expressions)
  },
}

/** A virtual host of one's own; when there is no RabbitMQ, `needed.skip` says so and every verb throws. */
export class RabbitMq implements AsyncDisposable {
  /** Options of `test`: skips by name when RabbitMQ is not there. */
  readonly needed: { readonly skip?: string }
  readonly vhost: string
  readonly server: URL
  readonly #administrator: RabbitAdmin
  readonly #users = new Set<string>()
  #admin: Promise<ChannelModel> | undefined

  constructor(vhost: string, absent: string | undefined, server: string = SERVER, administrator = shared) {
    this.vhost = vhost
    this.needed = absent === undefined ? {} : { skip: absent }
    this.server = new URL(server)
    this.#administrator = administrator
  }

  get present(): boolean {
    return this.needed.skip === undefined
  }

  /** As the user of the server URL. */
  get url(): string {
    return this.urlAs(decodeURIComponent(this.server.username), decodeURIComponent(this.server.password))
  }

  urlAs(user: string, password: string): string {
    return `amqp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${this.server.host}/${encodeURIComponent(this.vhost)}`
  }

  /** `rabbitmqctl`, its output. Slow. */
  ctl(...words: readonly string[]): Promise<string> {
    return this.#administrator.ctl(...words)
  }

  eval(expressions: string): Promise<void> {
    return this.#administrator.eval(expressions)
  }

  /** Queues of this virtual host with what is in them. */
  async queues(): Promise<
    readonly { readonly name: string; readonly ready: number; readonly unacked: number; readonly consumers: number }[]
  > {
    const columns = ['name', 'messages_ready', 'messages_unacknowledged', 'consumers']
    const rows: unknown = JSON.parse(await this.ctl('list_queues', '-p', this.vhost, ...columns, '--formatter', 'json'))
    return (rows as Readonly<Record<string, string & number>>[]).map(row => ({
      name: String(row['name']),
      ready: Number(row['messages_ready']),
      unacked: Number(row['messages_unacknowledged']),
      consumers: Number(row['consumers']),
    }))
  }

  /** Closes every connection to this virtual host but the one this object administers with, from the server's side. */
  async closeConnections(reason: string): Promise<void> {
    await this.ctl('close_all_connections', '-p', this.vhost, reason)
    this.#admin = undefined
  }

  async setPolicy(name: string, pattern: string, definition: Readonly<Record<string, unknown>>): Promise<void> {
    await this.ctl('set_policy', '-p', this.vhost, '--apply-to', 'queues', name, pattern, JSON.stringify(definition))
  }

  async clearPolicy(name: string): Promise<void> {
    await this.ctl('clear_policy', '-p', this.vhost, name)
  }

  /** A user with these rights here and nowhere else; goes with this object. */
  async addUser(user: string, password: string, rights: readonly [configure: string, write: string, read: string]) {
    const [configure, write, read] = rights.map(binary)
    await this.eval(
      `catch rabbit_auth_backend_internal:delete_user(${binary(user)}, ${binary('lovage')}),
       ok = rabbit_auth_backend_internal:add_user(${binary(user)}, ${binary(password)}, ${binary('lovage')}),
       rabbit_auth_backend_internal:set_permissions(${binary(user)}, ${binary(this.vhost)}, ${configure}, ${write}, ${read}, ${binary('lovage')}).`,
    )
    this.#users.add(user)
  }

  /**
   * Changes what a user may do. An open channel goes on by what it has asked before (a cache of its own, which it throws
   * away when it has been idle for about a second, and with itself): let an error close it, or wait for what you expect.
   */
  async setRights(user: string, rights: readonly [configure: string, write: string, read: string]): Promise<void> {
    const [configure, write, read] = rights.map(binary)
    await this.eval(
      `rabbit_auth_backend_internal:set_permissions(${binary(user)}, ${binary(this.vhost)}, ${configure}, ${write}, ${read}, ${binary('lovage')}).`,
    )
  }

  /** A plain client beside the product, for what a test must do or see as an outsider. */
  async client(): Promise<ChannelModel> {
    this.#admin ??= connect(this.url).then(connection => {
      const forget = (): void => {
        this.#admin = undefined
      }
      connection.on('error', forget)
      connection.on('close', forget)
      return connection
    })
    return await this.#admin
  }

  async deleteQueue(...names: readonly string[]): Promise<void> {
    const channel = await (await this.client()).createChannel()
    for (const name of names) await channel.deleteQueue(name)
    await channel.close()
  }

  async deleteExchange(...names: readonly string[]): Promise<void> {
    const channel = await (await this.client()).createChannel()
    for (const name of names) await channel.deleteExchange(name)
    await channel.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.present) return
    await this.#admin?.then(connection => connection.close()).catch(() => {})
    const forget = [...this.#users].map(
      user => `catch rabbit_auth_backend_internal:delete_user(<<"${user}">>, <<"l">>), `,
    )
    await this.eval(`${forget.join('')} rabbit_vhost:delete(<<"${this.vhost}">>, <<"lovage">>).`)
  }
}

/** A fresh virtual host for one test file. `label` shows in the server's tools. */
export async function openRabbitMq(label: string): Promise<RabbitMq> {
  const vhost = `lovage-${label}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`
  const absent = await rabbitMqMissing()
  const rabbit = new RabbitMq(vhost, absent)
  if (rabbit.present) await makeVhost(rabbit)
  return rabbit
}

export async function makeVhost(rabbit: RabbitMq): Promise<void> {
  const user = decodeURIComponent(rabbit.server.username)
  await rabbit.eval(
    `rabbit_vhost:add(<<"${rabbit.vhost}">>, <<"lovage">>),
     rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${rabbit.vhost}">>, <<".*">>, <<".*">>, <<".*">>, <<"lovage">>).`,
  )
}

/** Erlang's binary of a text. */
function binary(text: string): string {
  return `<<"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}">>`
}

/** Waits until something holds, with a deadline: tests of servers wait for events, not for time. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patience = 90_000,
): Promise<void> {
  const end = Date.now() + patience
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await sleep(20)
  }
}

/** Undefined when there is a server on which virtual hosts can be made, otherwise the reason to skip by. */
export async function rabbitMqMissing(): Promise<string | undefined> {
  const { hostname, port } = new URL(SERVER)
  const answers = await new Promise<boolean>(resolve => {
    const socket = dial({ host: hostname, port: Number(port || 5672), timeout: 20_000 })
    const end = (there: boolean) => (): void => {
      socket.destroy()
      resolve(there)
    }
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false))
  })
  if (!answers) return `needs RabbitMQ, which does not answer at ${hostname}:${port || 5672}`
  try {
    await shared.eval('ok.')
    return undefined
  } catch {
    return 'needs rabbitmqctl and the right to use it'
  }
}
