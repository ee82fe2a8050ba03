import { createHash } from 'node:crypto'
import { PieceBuffer } from './piece-buffer.js'
import type { Direction, WirePiece, WireScanner, WireUnit } from './wire-unit.js'

/** Scripts that passed by, by their SHA-1: one memory for all connections of a proxy. */
export class RespScripts {
  readonly #sources = new Map<string, string>()

  learn(source: string): void {
    this.#sources.set(createHash('sha1').update(source).digest('hex'), source)
  }

  source(sha: string): string {
    return this.#sources.get(sha.toLowerCase()) ?? ''
  }
}

/** Answers of these come one per channel, and are recognised by what they say instead. */
const SUBSCRIBING = /^[PS]?(UN)?SUBSCRIBE$/

const SUBSCRIBED = /^(p|s)?((un)?subscribe|message)$/

/** Longest text of a unit: enough to recognise it by. */
const LONGEST_TEXT = 16_384

/** Redis's RESP2 and RESP3: one piece per command and per reply. Inline commands are passed on unrecognised. */
export class RespScanner implements WireScanner {
  readonly #scripts: RespScripts
  readonly #buffers: Readonly<Record<Direction, PieceBuffer>> = { up: new PieceBuffer(), down: new PieceBuffer() }
  /** Commands whose reply has not come, in order. */
  readonly #asked: string[] = []
  #understood = true

  constructor(scripts: RespScripts) {
    this.#scripts = scripts
  }

  feed(direction: Direction, bytes: Buffer): readonly WirePiece[] {
    const buffer = this.#buffers[direction]
    buffer.push(bytes)
    const pieces: WirePiece[] = []
    while (this.#understood && buffer.bytes.length > 0) {
      const value = readValue(buffer.bytes, 0)
      if (value === undefined) return pieces
      if (value === 'garbage') this.#understood = false
      else pieces.push(this.#piece(direction, buffer.take(value.end), value))
    }
    if (buffer.bytes.length > 0) pieces.push({ bytes: buffer.takeAll() })
    return pieces
  }

  #piece(direction: Direction, bytes: Buffer, value: RespValue): WirePiece {
    const unit = direction === 'up' ? this.#command(value.words) : this.#reply(value)
    return { bytes, begins: unit, ends: unit }
  }

  #command(words: readonly string[]): WireUnit {
    const [word = '', ...args] = words
    const name = word.toUpperCase()
    const [first = '', second = ''] = args
    if (name === 'EVAL') this.#scripts.learn(first)
    if (name === 'SCRIPT' && first.toUpperCase() === 'LOAD') this.#scripts.learn(second)
    if (!SUBSCRIBING.test(name)) this.#asked.push(name)
    const script = name.startsWith('EVALSHA') ? `${this.#scripts.source(first)} ` : ''
    return { direction: 'up', name, text: (script + args.join(' ')).slice(0, LONGEST_TEXT) }
  }

  #reply({ type, words }: RespValue): WireUnit {
    const [first = ''] = words
    const pushed = type === '>' || (type === '*' && SUBSCRIBED.test(first))
    const name = pushed ? `push:${first}` : `reply:${this.#asked.shift() ?? 'nothing'}`
    return { direction: 'down', name, text: words.join(' ').slice(0, LONGEST_TEXT) }
  }
}

interface RespValue {
  readonly type: string
  readonly end: number
  /** The texts in it, at any depth. */
  readonly words: readonly string[]
}

/** Undefined = there is more to come. */
function readValue(bytes: Buffer, from: number): RespValue | 'garbage' | undefined {
  const words: string[] = []
  const type = String.fromCharCode(bytes[from] ?? 0)
  let at = from
  // How many values are still to be read; no recursion, so that no depth can hurt.
  for (let open = 1; open > 0; open--) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return bytes.length - at > 65_536 ? 'garbage' : undefined
    const kind = String.fromCharCode(bytes[at] ?? 0)
    const line = bytes.toString('latin1', at + 1, lineEnd)
    at = lineEnd + 2
    switch (kind) {
      case '+':
      case '-':
      case ':':
      case '_':
      case '#':
      case ',':
      case '(':
        words.push(line)
        break
      case '$':
      case '!':
      case '=': {
        const length = Number(line)
        if (!Number.isInteger(length)) return 'garbage'
        if (length < 0) break
        if (bytes.length < at + length + 2) return undefined
        words.push(bytes.toString('utf8', at, at + Math.min(length, LONGEST_TEXT)))
        at += length + 2
        break
      }
      case '*':
      case '~':
      case '>':
      case '%':
      case '|': {
        const count = Number(line)
        if (!Number.isInteger(count)) return 'garbage'
        open += Math.max(0, count) * (kind === '%' || kind === '|' ? 2 : 1)
        // An attribute comes before the value that it belongs to.
        if (kind === '|') open++
        break
      }
      default:
        return 'garbage'
    }
  }
  return { type, end: at, words }
}
