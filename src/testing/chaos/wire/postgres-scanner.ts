import { PieceBuffer } from './piece-buffer.js'
import type { Direction, WirePiece, WireScanner, WireUnit } from './wire-unit.js'

const UP: Readonly<Record<string, string>> = {
  B: 'Bind',
  C: 'Close',
  d: 'CopyData',
  c: 'CopyDone',
  f: 'CopyFail',
  D: 'Describe',
  E: 'Execute',
  H: 'Flush',
  F: 'FunctionCall',
  P: 'Parse',
  p: 'Password',
  Q: 'Query',
  S: 'Sync',
  X: 'Terminate',
}

const DOWN: Readonly<Record<string, string>> = {
  R: 'Authentication',
  K: 'BackendKeyData',
  2: 'BindComplete',
  3: 'CloseComplete',
  C: 'CommandComplete',
  d: 'CopyData',
  c: 'CopyDone',
  G: 'CopyInResponse',
  H: 'CopyOutResponse',
  D: 'DataRow',
  I: 'EmptyQueryResponse',
  E: 'ErrorResponse',
  v: 'NegotiateProtocolVersion',
  n: 'NoData',
  N: 'NoticeResponse',
  A: 'NotificationResponse',
  t: 'ParameterDescription',
  S: 'ParameterStatus',
  1: 'ParseComplete',
  s: 'PortalSuspended',
  Z: 'ReadyForQuery',
  T: 'RowDescription',
}

/** Codes in the place of a version, by which a client asks for something else first. */
const REQUESTS: ReadonlyMap<number, string> = new Map([
  [80877102, 'CancelRequest'],
  [80877103, 'SSLRequest'],
  [80877104, 'GSSENCRequest'],
])

const LARGEST_MESSAGE = 1 << 30

/** Whose text says what they are about: SQL, a statement's name and SQL, a command's tag, an error's fields. */
const TELLING: ReadonlySet<string> = new Set(['Query', 'Parse', 'Bind', 'CommandComplete', 'ErrorResponse'])

const LONGEST_TEXT = 16_384

/** PostgreSQL's protocol 3: one piece per message. After a switch to TLS bytes are only passed on. */
export class PostgresScanner implements WireScanner {
  readonly #buffers: Readonly<Record<Direction, PieceBuffer>> = { up: new PieceBuffer(), down: new PieceBuffer() }
  #started = false
  /** The next byte from the server answers a request for encryption. */
  #negotiating = false
  #understood = true

  feed(direction: Direction, bytes: Buffer): readonly WirePiece[] {
    const buffer = this.#buffers[direction]
    buffer.push(bytes)
    const pieces: WirePiece[] = []
    while (this.#understood && buffer.bytes.length > 0) {
      const piece = this.#next(direction, buffer)
      if (piece === undefined) break
      pieces.push(piece)
    }
    if (!this.#understood && buffer.bytes.length > 0) pieces.push({ bytes: buffer.takeAll() })
    return pieces
  }

  #next(direction: Direction, buffer: PieceBuffer): WirePiece | undefined {
    if (direction === 'up' && !this.#started) return this.#opening(buffer)
    if (direction === 'down' && this.#negotiating) return this.#negotiated(buffer)
    const { bytes } = buffer
    if (bytes.length < 5) return undefined
    const length = bytes.readInt32BE(1)
    const name = (direction === 'up' ? UP : DOWN)[String.fromCharCode(bytes[0] ?? 0)]
    if (name === undefined || length < 4 || length > LARGEST_MESSAGE) return this.#giveUp(buffer)
    if (bytes.length < length + 1) return undefined
    const message = buffer.take(length + 1)
    return whole(message, { direction, name, text: TELLING.has(name) ? textOf(message.subarray(5)) : '' })
  }

  /** The first message has no type: a version, or one of the requests. */
  #opening(buffer: PieceBuffer): WirePiece | undefined {
    const { bytes } = buffer
    if (bytes.length < 8) return undefined
    const length = bytes.readInt32BE(0)
    if (length < 8 || length > 10_000) return this.#giveUp(buffer)
    if (bytes.length < length) return undefined
    const name = REQUESTS.get(bytes.readInt32BE(4)) ?? 'Startup'
    if (name === 'Startup') this.#started = true
    else this.#negotiating = name !== 'CancelRequest'
    return whole(buffer.take(length), { direction: 'up', name, text: '' })
  }

  #negotiated(buffer: PieceBuffer): WirePiece | undefined {
    const answer = buffer.take(1)
    this.#negotiating = false
    if (answer.toString('latin1') !== 'N') this.#understood = false
    return whole(answer, { direction: 'down', name: 'EncryptionResponse', text: answer.toString('latin1') })
  }

  #giveUp(buffer: PieceBuffer): WirePiece {
    this.#understood = false
    return { bytes: buffer.takeAll() }
  }
}

function whole(bytes: Buffer, unit: WireUnit): WirePiece {
  return { bytes, begins: unit, ends: unit }
}

/** Strings end with a zero byte; what is between them reads as a space. */
function textOf(payload: Buffer): string {
  return payload.toString('utf8', 0, Math.min(payload.length, LONGEST_TEXT)).replaceAll('\0', ' ').trim()
}
