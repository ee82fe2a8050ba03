import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.js'
import { needsPostgres } from './postgres.js'

const PROGRAM = 'pgbouncer'

/** Give it to `test` as options: where there is no PgBouncer, or no PostgreSQL, the test is skipped under a name that says so. */
export const needsPgBouncer: { readonly skip?: string } =
  needsPostgres.skip !== undefined || spawnSync(PROGRAM, ['--version']).status === 0
    ? needsPostgres
    : { skip: 'needs pgbouncer on this machine' }

const STARTING = 90_000

/**
 * A PgBouncer of one's own before a database. It pools by transaction: each transaction of a client may run on another session of the
 * server, of which there are few.
 */
export class PgBouncer implements AsyncDisposable {
  readonly #folder: string
  readonly #port: number
  readonly #target: URL
  readonly #process: ChildProcess
  #said = ''
  readonly #end = (): void => void this.#process.kill('SIGKILL')

  private constructor(folder: string, port: number, target: URL) {
    this.#folder = folder
    this.#port = port
    this.#target = target
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    this.#process = spawn(PROGRAM, [...user, join(folder, 'pgbouncer.ini')], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#process.stderr?.on('data', chunk => {
      this.#said = (this.#said + String(chunk)).slice(-4000)
    })
    process.once('exit', this.#end)
  }

  /** `sessions`: so many at the server for all clients. */
  static async before(databaseUrl: string, { sessions = 3 }: { readonly sessions?: number } = {}): Promise<PgBouncer> {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-pgbouncer-'))
    const port = await freePort()
    const target = new URL(databaseUrl)
    const login = [
      `user=${target.username}`,
      ...(target.password === '' ? [] : [`password=${decodeURIComponent(target.password)}`]),
    ]
    const lines = [
      '[databases]',
      `* = host=${target.hostname} port=${target.port === '' ? 5432 : target.port} ${login.join(' ')}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = transaction',
      `default_pool_size = ${sessions}`,
      'max_client_conn = 200',
    ]
    writeFileSync(join(folder, 'pgbouncer.ini'), `${lines.join('\n')}\n`)
    // For the user that it runs as.
    chmodSync(folder, 0o755)
    const bouncer = new PgBouncer(folder, port, target)
    try {
      await bouncer.#started()
    } catch (error) {
      await bouncer[Symbol.asyncDispose]()
      throw error
    }
    return bouncer
  }

  url(scheme = 'postgres'): string {
    return `${scheme}://${this.#target.username}@127.0.0.1:${this.#port}${this.#target.pathname}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.removeListener('exit', this.#end)
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      await ended
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #started(): Promise<void> {
    const end = performance.now() + STARTING
    while (!(await this.#listens())) {
      if (this.#process.exitCode !== null) throw new Error(`pgbouncer ended:\n${this.#said}`)
      if (performance.now() > end) throw new Error(`pgbouncer does not listen:\n${this.#said}`)
      await sleep(50)
    }
  }

  #listens(): Promise<boolean> {
    return new Promise(resolve => {
      const socket = connect(this.#port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
  }
}
