import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How a private cluster differs from a plain one. */
export interface ClusterOptions {
  /** Everybody must say this password; default: everybody is trusted. */
  readonly password?: string
  /** TLS, with a certificate for `localhost` that `ca` signed. Default off. */
  readonly tls?: boolean
  /** Lines for postgresql.conf. */
  readonly settings?: readonly string[]
}

const BINARIES = binaries()

/** Give it to `test` as options: where PostgreSQL is not installed, the test is skipped under a name that says so. */
export const needsCluster: { readonly skip?: string } =
  BINARIES === undefined ? { skip: 'no initdb: PostgreSQL is not installed on this machine' } : {}

/**
 * A PostgreSQL server of its own on a free port of 127.0.0.1, in a temporary folder: to be stopped, restarted and set up
 * as a test likes. The superuser is `lovage`, the database `postgres`.
 */
export class PostgresCluster implements AsyncDisposable {
  readonly folder: string
  readonly port: number
  readonly #options: ClusterOptions

  private constructor(folder: string, port: number, options: ClusterOptions) {
    this.folder = folder
    this.port = port
    this.#options = options
  }

  static async start(options: ClusterOptions = {}): Promise<PostgresCluster> {
    const folder = mkdtempSync(join(tmpdir(), `lovage-postgres-${process.pid}-`))
    const cluster = new PostgresCluster(folder, await freePort(), options)
    try {
      cluster.#initialise()
      await cluster.start()
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
    return cluster
  }

  /** `query` begins with `?`. */
  url(scheme = 'postgres', query = ''): string {
    const { password } = this.#options
    return `${scheme}://lovage${password === undefined ? '' : `:${password}`}@127.0.0.1:${this.port}/postgres${query}`
  }

  /** The certificate authority that signed the server's certificate. */
  get ca(): string {
    return join(this.folder, 'ca.crt')
  }

  async start(): Promise<void> {
    await run('pg_ctl', ['-D', this.#data, '-w', '-t', '60', '-l', join(this.folder, 'log'), 'start'])
  }

  /** `immediate` is a crash: nothing is flushed, everybody is thrown out. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await run('pg_ctl', ['-D', this.#data, '-w', '-t', '60', '-m', mode, 'stop'])
  }

  async restart(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.stop(mode)
    await this.start()
  }

  /** Stops (SIGSTOP) or continues every process of the server: it is there and answers nothing. */
  freeze(on: boolean): void {
    const [postmaster = ''] = readFileSync(join(this.#data, 'postmaster.pid'), 'utf8').split('\n')
    const children = spawnSync('pgrep', ['-P', postmaster], { encoding: 'utf8' }).stdout.split('\n')
    for (const pid of [postmaster, ...children].filter(line => line !== '')) {
      process.kill(Number(pid), on ? 'SIGSTOP' : 'SIGCONT')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (existsSync(join(this.#data, 'postmaster.pid'))) await this.stop('immediate').catch(() => undefined)
    rmSync(this.folder, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.folder, 'data')
  }

  #initialise(): void {
    const owner = serverOwner()
    if (owner !== undefined) chownSync(this.folder, owner.uid, owner.gid)
    runSync('initdb', ['-D', this.#data, '-U', 'lovage', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'])
    const { password, tls = false, settings = [] } = this.#options
    const lines = [
      "listen_addresses = '127.0.0.1'",
      `port = ${this.port}`,
      `unix_socket_directories = '${this.folder}'`,
      'max_connections = 200',
      ...(tls ? this.#certificates() : []),
      ...settings,
    ]
    appendFileSync(join(this.#data, 'postgresql.conf'), `\n${lines.join('\n')}\n`)
    if (password === undefined) return
    this.#single(`ALTER USER lovage PASSWORD '${password}'`)
    writeFileSync(join(this.#data, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n')
  }

  /** Sets the server up without its being started. */
  #single(sql: string): void {
    runSync('postgres', ['--single', '-D', this.#data, 'postgres'], `${sql}\n`)
  }

  #certificates(): readonly string[] {
    const at = (name: string): string => join(this.folder, name)
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    openssl([
      'req',
      '-x509',
      ...key,
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.crt'),
      '-days',
      '2',
      '-subj',
      '/CN=Test CA',
    ])
    openssl(['req', ...key, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost'])
    writeFileSync(at('names'), 'subjectAltName=DNS:localhost')
    const signing = [
      '-CA',
      at('ca.crt'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      at('names'),
    ]
    openssl(['x509', '-req', '-in', at('server.csr'), '-out', at('server.crt'), ...signing])
    chmodSync(at('server.key'), 0o600)
    const owner = serverOwner()
    if (owner !== undefined) for (const name of readdirSync(this.folder)) chownSync(at(name), owner.uid, owner.gid)
    return ['ssl = on', `ssl_cert_file = '${at('server.crt')}'`, `ssl_key_file = '${at('server.key')}'`]
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** The newest installed; they are seldom on the PATH. */
function binaries(): string | undefined {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : []
  const found = versions.map(version => join(base, version, 'bin')).find(bin => existsSync(join(bin, 'initdb')))
  if (found !== undefined) return found
  const asked = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  const bin = asked.status === 0 ? asked.stdout.trim() : ''
  return existsSync(join(bin, 'initdb')) && bin !== '' ? bin : undefined
}

/** The server refuses to run as root. */
function serverOwner(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const ask = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  return { uid: ask('-u'), gid: ask('-g') }
}

function command(name: string): string {
  return join(BINARIES ?? '', name)
}

function runSync(name: string, args: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync(command(name), args, {
    ...serverOwner(),
    input,
    encoding: 'utf8',
    cwd: '/',
  })
  if (status !== 0) throw new Error(`${name} failed: ${stdout}${stderr}`)
}

/** Without pipes: the server would inherit them, and they would never end. */
async function run(name: string, args: readonly string[]): Promise<void> {
  const child = spawn(command(name), args, { ...serverOwner(), stdio: 'ignore', cwd: '/' })
  const [status] = await once(child, 'exit')
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${status}`)
}

function openssl(args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`)
}
