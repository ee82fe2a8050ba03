import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { Random } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { SimRandom } from '../sim/sim-random.js'
import type { ChaosCounts } from './chaos-counts.js'
import { ChaosLink, type LinkRules } from './chaos-link.js'
import { type ChaosTarget, targetOf, withAddress } from './chaos-target.js'
import { type FlapOptions, Flapping } from './flapping.js'
import { AmqpScanner } from './wire/amqp-scanner.js'
import { fitsLandmark, type Landmark } from './wire/landmark.js'
import { PostgresScanner } from './wire/postgres-scanner.js'
import { RespScanner, RespScripts } from './wire/resp-scanner.js'
import type { Direction, WirePiece, WireScanner, WireUnit } from './wire/wire-unit.js'

export interface ChaosProxyOptions {
  /** For jitter and flapping; default: seeded by the time. */
  readonly random?: Random
}

export interface BlackholeOptions {
  /** Default `both`. */
  readonly direction?: Direction | 'both'
  /**
   * `all` (default): also connections that are opened meanwhile. `present`: those that are open now fall silent, and new ones
   * work, as when a firewall forgets its flows.
   */
  readonly connections?: 'all' | 'present'
}

export interface CutOptions {
  /** Whose bytes count; default `both`. */
  readonly direction?: Direction | 'both'
  /** `next` (default): the next connection that is opened. `any`: bytes of all connections count, the one with the last goes. */
  readonly connection?: 'next' | 'any'
}

/**
 * What happens at a landmark. `reset`: its connection is reset towards the client, and ended in good order towards the server,
 * which so gets all that was passed on. `silence`: its connection passes nothing any more. `pass`: nothing, it is only noticed.
 * A function is called while the connection waits; then it goes on.
 */
export type LandmarkAction = 'reset' | 'silence' | 'pass' | ((unit: WireUnit) => void | Promise<void>)

interface Watch {
  readonly landmark: Landmark
  readonly action: LandmarkAction
  readonly reached: Deferred<WireUnit>
  left: number
}

interface Cut {
  readonly direction: Direction | 'both'
  readonly reached: Deferred<void>
  link: ChaosLink | 'next' | 'any'
  left: number
}

const LOOPBACK = '127.0.0.1'

/** Below the ports that systems give to outgoing connections: nobody takes ours while it refuses. */
const PORTS = { from: 20_000, to: 32_000 } as const

const TRIES = 100

const BOTH: readonly Direction[] = ['up', 'down']

/**
 * Stands between clients and a server, on loopback, and does to their connections what networks do. Verbs hold until `heal`. When
 * it is disposed it leaves no port, socket or timer behind.
 */
export class ChaosProxy implements AsyncDisposable {
  readonly #url: string | undefined
  readonly #random: Random
  readonly #links = new Set<ChaosLink>()
  readonly #scripts = new RespScripts()
  readonly #units = new Map<string, number>()
  readonly #watches = new Set<Watch>()
  readonly #cuts = new Set<Cut>()
  readonly #silent = new Set<Direction>()
  /** Those that are silent by themselves. */
  readonly #silenced = new Map<ChaosLink, ReadonlySet<Direction>>()
  readonly #bytes: Record<Direction, number> = { up: 0, down: 0 }
  readonly #rules: LinkRules
  #target: ChaosTarget
  #server: Server | undefined
  #port = 0
  #flapping: Flapping | undefined
  #latency: { readonly ms: Ms; readonly jitter: Ms } = { ms: 0, jitter: 0 }
  #portion: { readonly bytes: number; readonly pause: Ms } | undefined
  #accepted = 0
  #broken = 0
  #hits = 0

  private constructor(target: string | ChaosTarget, { random }: ChaosProxyOptions) {
    this.#url = typeof target === 'string' ? target : undefined
    this.#target = typeof target === 'string' ? targetOf(target) : target
    this.#random = random ?? new SimRandom(Date.now())
    this.#rules = {
      silent: (link, direction) => this.#silent.has(direction) || this.#silenced.get(link)?.has(direction) === true,
      latency: () => this.#latency.ms + this.#latency.jitter * this.#random.next(),
      portion: () => this.#portion,
      allowance: (link, direction, length) => this.#allowance(link, direction, length),
      passed: (link, direction, bytes) => this.#passed(link, direction, bytes),
      before: (link, piece) => this.#reach(link, 'before', piece.begins),
      after: (link, piece) => this.#after(link, piece),
    }
  }

  /**
   * Listens on a free port of loopback, before a server or before the one that the URL of a broker or backend names.
   * @throws ConfigError `LVG_BAD_URL`
   */
  static async before(target: string | ChaosTarget, options: ChaosProxyOptions = {}): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target, options)
    for (let tries = 0; ; tries++) {
      const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
      try {
        await proxy.#open(port)
        return proxy
      } catch (error) {
        if (tries === TRIES) throw error
      }
    }
  }

  get port(): number {
    return this.#port
  }

  /** The URL it was made from, with its own address; `tcp://…` when it was made from none. */
  get url(): string {
    const address = `${LOOPBACK}:${this.#port}`
    return this.#url === undefined ? `tcp://${address}` : withAddress(this.#url, address)
  }

  get counts(): ChaosCounts {
    return {
      accepted: this.#accepted,
      open: [...this.#links].filter(link => !link.closed).length,
      broken: this.#broken,
      bytesUp: this.#bytes.up,
      bytesDown: this.#bytes.down,
      hits: this.#hits,
      units: new Map(this.#units),
    }
  }

  /** RST to both sides of every connection; new ones are taken. */
  reset(): void {
    for (const link of [...this.#links]) this.#break(link, () => link.reset())
  }

  /** Resets every connection, and refuses new ones. */
  async refuse(): Promise<void> {
    await this.#shut()
    this.reset()
  }

  /** Connections stay open and pass nothing on, neither bytes nor their end. */
  blackhole({ direction = 'both', connections = 'all' }: BlackholeOptions = {}): void {
    const directions = new Set(direction === 'both' ? BOTH : [direction])
    if (connections === 'all') for (const each of directions) this.#silent.add(each)
    else for (const link of this.#links) this.#silence(link, directions)
  }

  /** Everything arrives so much later, and up to `jitter` ms more; the order stays. */
  delay(ms: Ms, options: { readonly jitter?: Ms } = {}): void {
    this.#latency = { ms, jitter: options.jitter ?? 0 }
  }

  /** At most so many bytes at a time, with a pause of `pause` ms (default: a turn of the event loop) after each. */
  throttle(bytes: number, options: { readonly pause?: Ms } = {}): void {
    this.#portion = { bytes: Math.max(1, bytes), pause: options.pause ?? 0 }
  }

  /** Resets a connection after so many more bytes; resolves when that has happened. */
  cutAfter(bytes: number, { direction = 'both', connection = 'next' }: CutOptions = {}): Promise<void> {
    const cut: Cut = { direction, left: bytes, link: connection, reached: deferred() }
    this.#cuts.add(cut)
    return cut.reached.promise
  }

  /** Acts once, when what the peers say comes to the landmark; resolves when it has. */
  at(landmark: Landmark, action: LandmarkAction = 'reset'): Promise<WireUnit> {
    const watch: Watch = { landmark, action, left: landmark.nth ?? 1, reached: deferred() }
    this.#watches.add(watch)
    return watch.reached.promise
  }

  /** Goes down and up again at random intervals, until `heal`. */
  flap(options: FlapOptions = {}): void {
    const down = async (): Promise<void> => (options.how === 'blackhole' ? this.blackhole() : await this.refuse())
    const up = (): Promise<void> => this.#restore()
    void this.#flapping?.end()
    this.#flapping = new Flapping(options, this.#random, { down, up })
  }

  /** New connections go to another server, as after a fail-over; the present ones stay where they are. */
  redirect(target: ChaosTarget): void {
    this.#target = { ...(this.#target.wire === undefined ? {} : { wire: this.#target.wire }), ...target }
  }

  /** Ends every verb, cut and landmark. What was held back goes on its way. */
  async heal(): Promise<void> {
    const flapping = this.#flapping
    this.#flapping = undefined
    await flapping?.end()
    this.#latency = { ms: 0, jitter: 0 }
    this.#portion = undefined
    this.#watches.clear()
    this.#cuts.clear()
    await this.#restore()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flapping?.end()
    const shut = this.#shut()
    const links = [...this.#links]
    for (const link of links) link.reset()
    await Promise.all([shut, ...links.map(link => link.over)])
  }

  /** Connections work again. */
  async #restore(): Promise<void> {
    this.#silent.clear()
    this.#silenced.clear()
    for (const link of [...this.#links]) link.look()
    for (let tries = 0; this.#server === undefined; tries++) {
      try {
        await this.#open(this.#port)
      } catch (error) {
        if (tries === TRIES) throw error
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }

  async #open(port: number): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, client => this.#take(client))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, LOOPBACK, resolve)
    })
    server.on('error', () => undefined)
    this.#server = server
    this.#port = port
  }

  /** Stops listening. Connections stay. */
  async #shut(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.close()
    // Its port is free with the next turn, while 'close' would wait for the connections.
    await new Promise(resolve => setImmediate(resolve))
  }

  #take(client: Socket): void {
    this.#accepted++
    const { host = LOOPBACK, port } = this.#target
    const server = connect({ host, port, allowHalfOpen: true })
    const link = new ChaosLink(this.#accepted, client, server, this.#scanner(), this.#rules)
    this.#links.add(link)
    void link.over.then(() => {
      this.#links.delete(link)
      this.#silenced.delete(link)
    })
    for (const cut of this.#cuts) {
      if (cut.link !== 'next') continue
      cut.link = link
      if (cut.left === 0) this.#cut(cut, link)
    }
    client.resume()
  }

  #scanner(): WireScanner | undefined {
    const { wire } = this.#target
    switch (wire) {
      case 'amqp':
        return new AmqpScanner()
      case 'resp':
        return new RespScanner(this.#scripts)
      case 'postgresql':
        return new PostgresScanner()
      case undefined:
        return undefined
      default:
        return wire satisfies never
    }
  }

  #allowance(link: ChaosLink, direction: Direction, length: number): number {
    const left = [...this.#cuts].filter(cut => counts(cut, link, direction)).map(cut => cut.left)
    return Math.min(length, ...left)
  }

  #passed(link: ChaosLink, direction: Direction, bytes: number): void {
    this.#bytes[direction] += bytes
    for (const cut of [...this.#cuts]) {
      if (!counts(cut, link, direction)) continue
      cut.left -= bytes
      if (cut.left <= 0) this.#cut(cut, link)
    }
  }

  #cut(cut: Cut, link: ChaosLink): void {
    this.#cuts.delete(cut)
    this.#hits++
    this.#break(link, () => link.reset())
    cut.reached.resolve()
  }

  async #after(link: ChaosLink, { ends }: WirePiece): Promise<void> {
    if (ends === undefined) return
    this.#units.set(ends.name, (this.#units.get(ends.name) ?? 0) + 1)
    await this.#reach(link, 'after', ends)
  }

  /** False when the connection has ended at a landmark. */
  async #reach(link: ChaosLink, side: Landmark['side'], unit: WireUnit | undefined): Promise<boolean> {
    if (unit === undefined) return true
    for (const watch of [...this.#watches]) {
      if (watch.landmark.side !== side || !fitsLandmark(watch.landmark, unit) || --watch.left > 0) continue
      this.#watches.delete(watch)
      this.#hits++
      await this.#act(link, watch.action, unit)
      watch.reached.resolve(unit)
    }
    return !link.closed
  }

  async #act(link: ChaosLink, action: LandmarkAction, unit: WireUnit): Promise<void> {
    switch (action) {
      case 'pass':
        return
      case 'reset':
        return this.#break(link, () => link.resetClient())
      case 'silence':
        return this.#silence(link, new Set(BOTH))
      default:
        await action(unit)
    }
  }

  #silence(link: ChaosLink, directions: ReadonlySet<Direction>): void {
    this.#silenced.set(link, new Set([...(this.#silenced.get(link) ?? []), ...directions]))
  }

  #break(link: ChaosLink, how: () => void): void {
    if (link.closed) return
    this.#broken++
    how()
  }
}

function counts(cut: Cut, link: ChaosLink, direction: Direction): boolean {
  return (cut.link === 'any' || cut.link === link) && (cut.direction === 'both' || cut.direction === direction)
}
