import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { evaluate } from './erlang.js'
import { freePort } from './free-port.js'
import type { RabbitAdmin } from './rabbitmq.js'

const run = promisify(execFile)

/** The scripts behind the distribution's wrappers, which would change the user; elsewhere what is in the PATH. */
const SCRIPTS = ['/usr/lib/rabbitmq/bin', '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'].find(folder =>
  existsSync(join(folder, 'rabbitmq-server')),
)

/** Give it to `test` as options: where RabbitMQ is not installed, the test is skipped under a name that says so. */
export const needsRabbitMqNode: { readonly skip?: string } =
  SCRIPTS === undefined ? { skip: 'needs rabbitmq-server on this machine' } : {}

export interface RabbitMqNodeOptions {
  /** Lines of rabbitmq.conf. */
  readonly settings?: readonly string[]
  readonly plugins?: readonly string[]
}

const STARTING = 90_000

/**
 * A RabbitMQ node of one's own: its name, ports, cookie and folder are nobody else's, so it may be killed, restarted and alarmed.
 * It takes several seconds to start.
 */
export class RabbitMqNode implements RabbitAdmin, AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), `lovage-rabbitmq-${process.pid}-`))
  readonly port: number
  readonly #name: string = `lovage-${process.pid}-${randomBytes(3).toString('hex')}@localhost`
  readonly #distribution: number
  #process: ChildProcess | undefined
  /** No node outlives the test process. */
  readonly #end = (): void => this.#signal('SIGKILL')

  private constructor(port: number, distribution: number) {
    this.port = port
    this.#distribution = distribution
  }

  static async start({ settings = [], plugins = [] }: RabbitMqNodeOptions = {}): Promise<RabbitMqNode> {
    const node = new RabbitMqNode(await freePort(), await freePort())
    const conf = [`listeners.tcp.1 = 127.0.0.1:${node.port}`, 'loopback_users = none', ...settings]
    mkdirSync(join(node.folder, 'home'))
    writeFileSync(join(node.folder, 'rabbitmq.conf'), `${conf.join('\n')}\n`)
    writeFileSync(join(node.folder, 'enabled_plugins'), `[${plugins.join(',')}].\n`)
    writeFileSync(join(node.folder, 'home', '.erlang.cookie'), randomBytes(20).toString('hex'), { mode: 0o400 })
    try {
      await node.start()
    } catch (error) {
      await node[Symbol.asyncDispose]()
      throw error
    }
    return node
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}//`
  }

  async start(): Promise<void> {
    const child = spawn(join(SCRIPTS ?? '', 'rabbitmq-server'), [], {
      env: this.#environment,
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'ignore'],
      // A group of its own: the script starts Erlang, which starts helpers.
      detached: true,
    })
    this.#process = child
    process.removeListener('exit', this.#end)
    process.once('exit', this.#end)
    const end = performance.now() + STARTING
    while (!(await this.#listens())) {
      if (child.exitCode !== null) throw new Error(`rabbitmq-server ended with ${child.exitCode}; see ${this.folder}`)
      if (performance.now() > end) throw new Error(`rabbitmq-server does not listen after ${STARTING / 1000} s`)
      await sleep(100)
    }
  }

  /** `rabbitmqctl` on this node, its output. */
  async ctl(...words: readonly string[]): Promise<string> {
    const script = join(SCRIPTS ?? '', 'rabbitmqctl')
    const { stdout } = await run(script, ['-q', '-n', this.#name, ...words], {
      env: this.#environment,
      cwd: this.folder,
      timeout: 60_000,
    })
    return stdout
  }

  async eval(expressions: string): Promise<void> {
    const node = { name: this.#name, home: join(this.folder, 'home') }
    if ((await evaluate(node, expressions)) === undefined) await this.ctl('eval', expressions)
  }

  /** `crash`: SIGKILL; `clean`: in good order. Its data stay. */
  async stop(how: 'crash' | 'clean'): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    this.#signal(how === 'crash' ? 'SIGKILL' : 'SIGTERM')
    await ended
    this.#signal('SIGKILL')
    // Whoever connects before the port is free again would meet the old one's end.
    while (await this.#listens()) await sleep(20)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.removeListener('exit', this.#end)
    await this.stop('crash')
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  get #environment(): NodeJS.ProcessEnv {
    const { PATH = '' } = process.env
    const at = (name: string): string => join(this.folder, name)
    return {
      PATH,
      HOME: at('home'),
      LANG: 'C.UTF-8',
      RABBITMQ_NODENAME: this.#name,
      RABBITMQ_NODE_PORT: String(this.port),
      RABBITMQ_DIST_PORT: String(this.#distribution),
      RABBITMQ_MNESIA_BASE: at('mnesia'),
      RABBITMQ_LOG_BASE: at('log'),
      RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
      RABBITMQ_PID_FILE: at('pid'),
      RABBITMQ_CONF_ENV_FILE: at('none'),
      // Two schedulers: as many as the tests' machines have, and quicker to start.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 2:2 +sbwt none',
    }
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process ?? {}
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // Nobody of the group is left.
    }
  }

  async #listens(): Promise<boolean> {
    const { connect } = await import('node:net')
    return await new Promise(resolve => {
      const socket = connect(this.port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
  }
}
