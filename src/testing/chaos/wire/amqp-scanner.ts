import { PieceBuffer } from './piece-buffer.js'
import type { Direction, WirePiece, WireScanner, WireUnit } from './wire-unit.js'

/** Class and method of AMQP 0-9-1, as `class << 16 | method`. */
const METHODS: ReadonlyMap<number, string> = new Map(
  Object.entries({
    connection: [
      10,
      '10 start 11 start-ok 20 secure 21 secure-ok 30 tune 31 tune-ok 40 open 41 open-ok 50 close 51 close-ok',
    ],
    'connection ': [10, '60 blocked 61 unblocked 70 update-secret 71 update-secret-ok'],
    channel: [20, '10 open 11 open-ok 20 flow 21 flow-ok 40 close 41 close-ok'],
    exchange: [40, '10 declare 11 declare-ok 20 delete 21 delete-ok 30 bind 31 bind-ok 40 unbind 51 unbind-ok'],
    queue: [
      50,
      '10 declare 11 declare-ok 20 bind 21 bind-ok 30 purge 31 purge-ok 40 delete 41 delete-ok 50 unbind 51 unbind-ok',
    ],
    basic: [
      60,
      '10 qos 11 qos-ok 20 consume 21 consume-ok 30 cancel 31 cancel-ok 40 publish 50 return 60 deliver 70 get',
    ],
    'basic ': [60, '71 get-ok 72 get-empty 80 ack 90 reject 100 recover-async 110 recover 111 recover-ok 120 nack'],
    confirm: [85, '10 select 11 select-ok'],
    tx: [90, '10 select 11 select-ok 20 commit 21 commit-ok 30 rollback 31 rollback-ok'],
  } as const).flatMap(([group, [id, methods]]) => {
    const words = methods.split(' ')
    return words.flatMap((word, at) =>
      at % 2 === 0 ? [[(id << 16) | Number(word), `${group.trim()}.${words[at + 1]}`] as const] : [],
    )
  }),
)

/** Methods that content follows: a header frame and as many body frames as its size takes. */
const WITH_CONTENT: ReadonlySet<string> = new Set(['basic.publish', 'basic.deliver', 'basic.return', 'basic.get-ok'])

const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8, end: 0xce } as const

/** Type, channel and size before a frame's payload, and the end mark behind it. */
const FRAME_AROUND = 8

/** A frame that claims to be larger is not one. */
const LARGEST_FRAME = 1 << 27

interface Content {
  readonly unit: WireUnit
  /** Bytes of the body that have not come yet; undefined = the header has not come. */
  left: number | undefined
}

/** AMQP 0-9-1: one piece per frame. */
export class AmqpScanner implements WireScanner {
  readonly #streams: Readonly<Record<Direction, Stream>> = { up: new Stream('up'), down: new Stream('down') }

  feed(direction: Direction, bytes: Buffer): readonly WirePiece[] {
    return this.#streams[direction].feed(bytes)
  }
}

class Stream {
  readonly #direction: Direction
  readonly #buffer = new PieceBuffer()
  /** By channel: contents of different channels may be mixed. */
  readonly #contents = new Map<number, Content>()
  #greeted: boolean
  #understood = true

  constructor(direction: Direction) {
    this.#direction = direction
    this.#greeted = direction === 'down'
  }

  feed(bytes: Buffer): readonly WirePiece[] {
    if (!this.#understood) return [{ bytes }]
    this.#buffer.push(bytes)
    const pieces: WirePiece[] = []
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) pieces.push(piece)
    return pieces
  }

  #next(): WirePiece | undefined {
    const { bytes } = this.#buffer
    if (bytes.length === 0) return undefined
    if (!this.#greeted || bytes[0] === 0x41) return this.#greeting()
    if (bytes.length < 7) return undefined
    const size = bytes.readUInt32BE(3)
    if (size > LARGEST_FRAME) return this.#giveUp()
    if (bytes.length < size + FRAME_AROUND) return undefined
    const frame = this.#buffer.take(size + FRAME_AROUND)
    if (frame[frame.length - 1] !== FRAME.end) return this.#giveUp(frame)
    return this.#frame(frame, frame.readUInt8(0), frame.readUInt16BE(1), frame.subarray(7, -1))
  }

  /** `AMQP` and four bytes: from a client at first, from a server that wants another version. */
  #greeting(): WirePiece | undefined {
    if (this.#buffer.bytes.length < 8) return undefined
    if (this.#buffer.bytes.toString('latin1', 0, 4) !== 'AMQP') return this.#giveUp()
    this.#greeted = true
    return this.#whole(this.#buffer.take(8), this.#unit('protocol-header'))
  }

  #frame(bytes: Buffer, type: number, channel: number, payload: Buffer): WirePiece {
    switch (type) {
      case FRAME.method:
        return this.#method(bytes, channel, payload)
      case FRAME.header:
        return this.#content(bytes, channel, payload.length >= 12 ? Number(payload.readBigUInt64BE(4)) : 0, 0)
      case FRAME.body:
        return this.#content(bytes, channel, undefined, payload.length)
      case FRAME.heartbeat:
        return this.#whole(bytes, this.#unit('heartbeat'))
      default:
        return this.#giveUp(bytes)
    }
  }

  #method(bytes: Buffer, channel: number, payload: Buffer): WirePiece {
    if (payload.length < 4) return this.#giveUp(bytes)
    const name = METHODS.get(payload.readUInt32BE(0)) ?? 'unknown'
    if (!WITH_CONTENT.has(name)) return this.#whole(bytes, this.#unit(name))
    const unit = this.#unit(name, name === 'basic.publish' ? addressOf(payload) : '')
    this.#contents.set(channel, { unit, left: undefined })
    return { bytes, begins: unit }
  }

  #content(bytes: Buffer, channel: number, size: number | undefined, length: number): WirePiece {
    const content = this.#contents.get(channel)
    if (content === undefined) return { bytes }
    content.left = (size ?? content.left ?? 0) - length
    if (content.left > 0) return { bytes }
    this.#contents.delete(channel)
    return { bytes, ends: content.unit }
  }

  #unit(name: string, text = ''): WireUnit {
    return { direction: this.#direction, name, text }
  }

  #whole(bytes: Buffer, unit: WireUnit): WirePiece {
    return { bytes, begins: unit, ends: unit }
  }

  /** TLS, another protocol, damage: from here on bytes are only passed on. */
  #giveUp(before: Buffer = Buffer.alloc(0)): WirePiece {
    this.#understood = false
    return { bytes: Buffer.concat([before, this.#buffer.takeAll()]) }
  }
}

/** `exchange routing.key`, after class, method and a reserved short. */
function addressOf(payload: Buffer): string {
  const exchangeEnd = 7 + (payload[6] ?? 0)
  const keyEnd = exchangeEnd + 1 + (payload[exchangeEnd] ?? 0)
  return `${payload.toString('utf8', 7, exchangeEnd)} ${payload.toString('utf8', exchangeEnd + 1, keyEnd)}`
}
