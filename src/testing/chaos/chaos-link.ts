import type { Socket } from 'node:net'
import { type Deferred, deferred } from '../../lib/deferred.js'
import { resetSocket } from './reset-socket.js'
import { Waiters } from './waiters.js'
import type { Direction, WirePiece, WireScanner } from './wire/wire-unit.js'

/** How bytes go from one side to the other; asked anew for every piece. */
export interface LinkRules {
  /** Nothing passes this way; links are woken when that may have changed. */
  silent(link: ChaosLink, direction: Direction): boolean
  /** How long the next bytes are under way, ms. */
  latency(): number
  /** Most bytes written at a time, and the pause after each, ms; undefined = as they come. */
  portion(): { readonly bytes: number; readonly pause: number } | undefined
  /** How many of these bytes may pass in one go. */
  allowance(link: ChaosLink, direction: Direction, length: number): number
  /** They have passed; the link may be closed by now. */
  passed(link: ChaosLink, direction: Direction, bytes: number): void
  /** False: the piece does not pass. */
  before(link: ChaosLink, piece: WirePiece): Promise<boolean>
  after(link: ChaosLink, piece: WirePiece): Promise<void>
}

/** Bytes under way in one direction before the sender is held up. */
const MOST_UNDER_WAY = 1 << 20

/** A server that was told of the end may take this long to end too, ms. */
const PARTING = 1000

/** A connection through the proxy: two sockets, and what goes from one to the other. */
export class ChaosLink {
  readonly id: number
  readonly waiters: Waiters = new Waiters()
  readonly #client: Socket
  readonly #server: Socket
  readonly #rules: LinkRules
  readonly #over: Deferred<void> = deferred()
  #closed = false

  constructor(id: number, client: Socket, server: Socket, scanner: WireScanner | undefined, rules: LinkRules) {
    this.id = id
    this.#client = client
    this.#server = server
    this.#rules = rules
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.look())
      socket.on('close', () => this.look())
    }
    const up = new Way(this, 'up', client, server, scanner, rules)
    const down = new Way(this, 'down', server, client, scanner, rules)
    void Promise.all([up.run(), down.run()]).then(() => this.#part())
  }

  /** Resolves when nothing is left of it. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  get closed(): boolean {
    return this.#closed
  }

  /** RST to both sides; what was under way is lost. */
  reset(): void {
    for (const socket of [this.#client, this.#server]) resetSocket(socket)
    this.#finish()
  }

  /** RST to the client; the server gets all that was passed on, and an orderly end. */
  resetClient(): void {
    resetSocket(this.#client)
    const server = this.#server
    server.end()
    server.resume()
    this.#closed = true
    this.waiters.end()
    const late = setTimeout(() => server.destroy(), PARTING)
    server.once('close', () => {
      clearTimeout(late)
      this.#finish()
    })
  }

  /** Rules may have changed, or a side may have gone: one that broke off is told to the other, unless silence swallows it. */
  look(): void {
    const clientGone = this.#client.destroyed && !this.#rules.silent(this, 'up')
    const serverGone = this.#server.destroyed && !this.#rules.silent(this, 'down')
    if (!this.#closed && (clientGone || serverGone)) this.reset()
    this.waiters.wake()
  }

  /** Both streams have ended in good order. */
  #part(): void {
    this.#client.destroySoon()
    this.#server.destroySoon()
    this.#finish()
  }

  #finish(): void {
    this.#closed = true
    this.waiters.end()
    this.#over.resolve()
  }
}

interface Parcel {
  /** Undefined = the stream has ended. */
  readonly piece: WirePiece | undefined
  readonly due: number
}

/** One direction of a link. */
class Way {
  readonly #link: ChaosLink
  readonly #direction: Direction
  readonly #from: Socket
  readonly #to: Socket
  readonly #scanner: WireScanner | undefined
  readonly #rules: LinkRules
  readonly #parcels: Parcel[] = []
  #bytes = 0
  #lastDue = 0

  constructor(
    link: ChaosLink,
    direction: Direction,
    from: Socket,
    to: Socket,
    scanner: WireScanner | undefined,
    rules: LinkRules,
  ) {
    this.#link = link
    this.#direction = direction
    this.#from = from
    this.#to = to
    this.#scanner = scanner
    this.#rules = rules
  }

  /** Until the stream has ended, or the link is over. */
  async run(): Promise<void> {
    this.#from.on('data', (bytes: Buffer) => {
      const pieces = this.#scanner?.feed(this.#direction, bytes) ?? [{ bytes }]
      for (const piece of pieces) this.#push(piece)
    })
    this.#from.on('end', () => this.#push(undefined))
    while (!this.#link.closed) {
      const parcel = this.#parcels.shift()
      if (parcel === undefined) await this.#link.waiters.wait()
      else if (!(await this.#carry(parcel))) return
    }
  }

  #push(piece: WirePiece | undefined): void {
    this.#lastDue = Math.max(this.#lastDue, performance.now() + this.#rules.latency())
    this.#parcels.push({ piece, due: this.#lastDue })
    this.#bytes += piece?.bytes.length ?? 0
    // What is silent is not emptied either: the sender's own buffers fill, as on a dead line.
    if (this.#bytes >= MOST_UNDER_WAY || this.#rules.silent(this.#link, this.#direction)) this.#from.pause()
    this.#link.waiters.wake()
  }

  /** False when nothing comes behind it. */
  async #carry({ piece, due }: Parcel): Promise<boolean> {
    if (due > performance.now()) await this.#pause(due - performance.now())
    await this.#opened()
    if (this.#link.closed) return false
    if (piece === undefined) {
      this.#to.end()
      return false
    }
    const passes = await this.#rules.before(this.#link, piece)
    // A landmark may have silenced the way just now.
    await this.#opened()
    if (passes && !this.#link.closed && (await this.#write(piece.bytes))) await this.#rules.after(this.#link, piece)
    this.#bytes -= piece.bytes.length
    if (this.#link.closed) return false
    if (this.#bytes < MOST_UNDER_WAY) this.#from.resume()
    return true
  }

  async #opened(): Promise<void> {
    while (!this.#link.closed && this.#rules.silent(this.#link, this.#direction)) {
      await this.#link.waiters.wait()
    }
  }

  /** False when the connection ended within these bytes. */
  async #write(bytes: Buffer): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      const portion = this.#rules.portion()
      const wanted = Math.min(portion?.bytes ?? bytes.length, bytes.length - at)
      const length = this.#rules.allowance(this.#link, this.#direction, wanted)
      await this.#hand(bytes.subarray(at, at + length))
      if (this.#link.closed) return false
      this.#rules.passed(this.#link, this.#direction, length)
      if (this.#link.closed) return false
      at += length
      if (portion !== undefined) await this.#pause(portion.pause)
    }
    return true
  }

  /** Resolves when the system has taken the bytes. */
  #hand(bytes: Buffer): Promise<void> {
    return this.#done(done => this.#to.write(bytes, done))
  }

  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await this.#done(done => {
      if (ms > 0) timer = setTimeout(done, ms)
      else setImmediate(done)
    })
    clearTimeout(timer)
  }

  /** Until it calls back, or the link is over. */
  async #done(start: (done: () => void) => void): Promise<void> {
    let done = false
    start(() => {
      done = true
      this.#link.waiters.wake()
    })
    while (!done && !this.#link.closed) await this.#link.waiters.wait()
  }
}
