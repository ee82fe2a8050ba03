import { asBuffer } from '../../lib/as-buffer.js'

/*
 * Values of AMQP field tables between our form (protocol/message.ts: bytes, bigint, Date) and the client library's:
 * `{ '!': type, value }` for what JavaScript has no type of its own for. Most headers are plain and pass untouched.
 */

type Table = Readonly<Record<string, unknown>>

const MARK = '!'

/** Throws `RangeError` for an integer that does not fit 64 bits: AMQP has no larger ones. */
export function toFieldTable(table: Table): Table {
  return needsWriting(table) ? writeTable(table) : table
}

/** Library's form to ours. The table was made by the library and belongs to us. */
export function fromFieldTable(table: Table): Table {
  const plain = Object.getPrototypeOf(table) === Object.prototype
  return plain && !needsReading(table) ? table : readTable(table)
}

function needsWriting(table: Table): boolean {
  for (const key in table) if (needsWritingValue(table[key])) return true
  return false
}

function needsWritingValue(value: unknown): boolean {
  if (typeof value === 'number') return needsType(value)
  return typeof value === 'bigint' || (typeof value === 'object' && value !== null)
}

/**
 * The library writes whole numbers as the smallest type that holds them; of those Celery's client takes the 16 bit one for a
 * short text and the 8 bit one as unsigned. From 0 to 127 all agree.
 * Source: amqp/serialization.py `_read_item`, which Celery itself gives 32 or 64 bits always.
 */
function needsType(value: number): boolean {
  return Number.isInteger(value) && (value < 0 || value > 127) && value >= -0x8000 && value < 0x8000
}

function writeTable(table: Table): Table {
  const written: Record<string, unknown> = {}
  let marked = false
  for (const [key, value] of Object.entries(table)) {
    if (value === undefined) continue
    if (key === MARK) marked = true
    else if (key === '__proto__') Object.defineProperty(written, key, { value: write(value), enumerable: true })
    else written[key] = write(value)
  }
  // The library takes an own key of that name for its type mark; an inherited one is encoded like any other.
  return marked ? Object.assign(Object.create({ [MARK]: write(table[MARK]) }), written) : written
}

function write(value: unknown): unknown {
  if (typeof value === 'number') return needsType(value) ? { [MARK]: 'int', value } : value
  if (typeof value === 'bigint') return wholeNumber(value)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return asBuffer(value)
  if (value instanceof Date) return { [MARK]: 'timestamp', value: Math.floor(value.getTime() / 1000) }
  if (Array.isArray(value)) return value.map(item => (item === undefined ? null : write(item)))
  return writeTable(value as Table)
}

function wholeNumber(value: bigint): unknown {
  if (BigInt.asIntN(64, value) === value) return { [MARK]: 'long', value }
  throw new RangeError(`the integer ${value} has more than 64 bits, which no AMQP header can hold`)
}

function needsReading(table: Table): boolean {
  for (const key in table) if (needsReadingValue(table[key])) return true
  return false
}

/** Every message of Celery's has a list, `timelimit`, of plain values. */
function needsReadingValue(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return false
  return !Array.isArray(value) || value.some(needsReadingValue)
}

function readTable(table: Table): Table {
  const found: Record<string, unknown> = {}
  for (const key of Object.keys(table)) found[key] = read(table[key])
  // The library assigns keys as they come, so a table under this one became the prototype.
  const proto: unknown = Object.getPrototypeOf(table)
  if (proto !== Object.prototype && proto !== null)
    Object.defineProperty(found, '__proto__', { value: read(proto), enumerable: true })
  return found
}

function read(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map(read)
  const table = value as Table
  if (Object.hasOwn(table, MARK) && Object.hasOwn(table, 'value')) {
    const inner = table['value']
    if (table[MARK] === 'timestamp' && typeof inner === 'number') return new Date(inner * 1000)
    if (table[MARK] === 'decimal' && typeof inner === 'object' && inner !== null) return decimal(inner as Table)
  }
  return readTable(table)
}

function decimal({ digits, places }: Table): unknown {
  return typeof digits === 'number' && typeof places === 'number' ? digits / 10 ** places : null
}
