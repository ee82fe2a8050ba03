import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import { parseDuration } from '../../src/lib/duration.js'
import { escapeText } from '../../src/lib/escape-text.js'
import { globMatches } from '../../src/lib/glob.js'
import { maskUrl } from '../../src/lib/mask-url.js'
import { decodeTask } from '../../src/protocol/decode-task.js'
import { parseIso } from '../../src/protocol/iso8601.js'
import type { Headers, Message } from '../../src/protocol/message.js'
import { BZIP2_SEEDS, XZ_SEEDS, ZSTD_SEEDS } from './binary-seeds.js'
import { readAll } from './seeds.js'

/** An input of the largest size that is read, shaped to be as slow as it can be. */
export interface LargeInput {
  readonly name: string
  readonly bytes: number
  readonly read: () => unknown
}

const MIB = 1024 * 1024
const NOW = Date.UTC(2026, 10, 20, 12)

/** Each is made when its turn comes: together they would take a gigabyte. */
export const LARGE_INPUTS: readonly (() => LargeInput)[] = [
  json('one text of 16 MiB', around('"', 'x', '"')),
  json('nothing but escapes', around('"', '\\u0041', '"')),
  json('backslashes without end', around('"', '\\\\', '')),
  json('as many numbers as may be', () => `[[${list('1234567', 1_999_000)}],{},{}]`),
  json('as many NaNs as may be', () => `[[${list('NaN', 1_999_000)}],{},{}]`),
  json('numbers beyond 2^53', () => `[[${list('12345678901234567', 900_000)}],{},{}]`),
  json('integers of 4300 digits', () => `[[${list('9'.repeat(4300), 3800)}],{},{}]`),
  json('a million keys', () => `[[],{${list('"kXXXXXX":1', 999_000).replace(/X{6}/g, unique())}},{}]`),
  json('a million equal keys', () => `[[],{${list('"key":1', 999_000)}},{}]`),
  json('towers of 500 levels', () => `[[${list('['.repeat(500) + ']'.repeat(500), 3900)}],{},{}]`),
  json('opened 16 million times', () => '['.repeat(16 * MIB - 1)),
  json('tagged times', () => `[[${list('{"__type__":"datetime","__value__":"2024-02-29T12:34:56"}', 280_000)}],{},{}]`),
  json('tags within tags', () => `[[${list(tower('{"__type__":"uuid","__value__":', 200), 2500)}],{},{}]`),
  json(
    'ten thousand callbacks',
    () => `[[],{},{"callbacks":[${list('{"task":"t","args":[1.0],"options":{}}', 10_000)}]}]`,
  ),
  json('spaces', around('[', ' ', '')),
  body('msgpack: as many numbers as may be', 'application/x-msgpack', () =>
    Buffer.concat([
      Buffer.from([0x93, 0xdd, 0, 0x1e, 0x7f, 0x00]),
      Buffer.alloc(1_998_592, 1),
      Buffer.from([0x80, 0x80]),
    ]),
  ),
  body('msgpack: opened a million times', 'application/x-msgpack', () => Buffer.alloc(16 * MIB, 0x91)),
  body('pickle: a mark for every byte', 'application/x-python-serialize', () => Buffer.alloc(16 * MIB, '(')),
  body('pickle: lists in lists', 'application/x-python-serialize', () => Buffer.from(`${']'.repeat(8 * MIB)}.`)),
  body('pickle: a long text read again and again', 'application/x-python-serialize', () =>
    Buffer.from(`\x80\x02(X\x00\x00\x01\x00${'k'.repeat(65_536)}q\x00${'h\x00'.repeat(900_000)}l.`, 'latin1'),
  ),
  body('pickle: a dict of long ints', 'application/x-python-serialize', () => {
    const long = Buffer.concat([Buffer.from([0x8a, 255]), Buffer.alloc(254, 0x55), Buffer.from([0x11])])
    return Buffer.concat([Buffer.from('\x80\x02(', 'latin1'), ...Array(30_000).fill(long), Buffer.from('d.')])
  }),
  body('yaml: one text', 'application/x-yaml', () => Buffer.from(`"${'x'.repeat(MIB - 2)}"`)),
  body('yaml: short numbers', 'application/x-yaml', () => Buffer.from(`[${list('1', MIB / 4)}]`)),
  body('yaml: opened a million times', 'application/x-yaml', () => Buffer.alloc(MIB, '[')),
  body('yaml: dashes', 'application/x-yaml', () => Buffer.from('- '.repeat(MIB / 2))),
  body('yaml: questions', 'application/x-yaml', () => Buffer.from('? '.repeat(MIB / 2))),
  body('yaml: line ends', 'application/x-yaml', () => Buffer.from(`a: |\n${'\n'.repeat(MIB - 10)}`)),
  body('yaml: equal keys', 'application/x-yaml', () => Buffer.from('a: 1\n'.repeat(MIB / 8))),
  body('yaml: aliases', 'application/x-yaml', () => Buffer.from(`- &a x\n${'- *a\n'.repeat(MIB / 8)}`)),
  packed('gzip: a gibibyte of zeros', 'gzip', () => deflateSync(Buffer.alloc(512 * MIB), { level: 1 })),
  packed('brotli: a gibibyte of zeros', 'brotli', () =>
    brotliCompressSync(Buffer.alloc(512 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  ),
  packed('gzip: 16 MiB that compress nothing', 'gzip', () => deflateSync(noise(15 * MIB), { level: 0 })),
  packed('gzip: garbage', 'gzip', () => noise(16 * MIB)),
  packed('brotli: garbage', 'brotli', () => noise(16 * MIB)),
  packed('zstd: frames one after another', 'zstd', () => repeated(ZSTD_SEEDS[0], 16 * MIB)),
  packed('bzip2: streams one after another', 'bzip2', () => repeated(BZIP2_SEEDS[0], 16 * MIB)),
  packed('bzip2: garbage behind a good head', 'bzip2', () =>
    Buffer.concat([Buffer.from(BZIP2_SEEDS[0] ?? []).subarray(0, 40), noise(15 * MIB)]),
  ),
  packed('xz: streams one after another', 'xz', () => repeated(XZ_SEEDS[0], 16 * MIB)),
  packed('xz: garbage behind a good head', 'xz', () =>
    Buffer.concat([Buffer.from(XZ_SEEDS[0] ?? []).subarray(0, 30), noise(15 * MIB)]),
  ),
  headers('nested 26,000 deep', { x: deep(26_000) }),
  headers('as many as may be', Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`x-${i}`, 'y'.repeat(500)]))),
  text('a span of digits', MIB, digits => parseDuration(digits.replaceAll('x', '1'))),
  text('a span of units', MIB, units => parseDuration(units.replaceAll('x', '1m '))),
  text('a time of digits', MIB, digits => parseIso(digits.replaceAll('x', '2'))),
  text('a pattern of stars', 255, name => globMatches(name.replaceAll('x', '*x'), name.repeat(200))),
  text('a URL of question marks', MIB, url => maskUrl(`redis://host/${url.replaceAll('x', '?')}`)),
  text('a URL of colons', MIB, url => maskUrl(`redis://${url.replaceAll('x', ':')}`)),
  text('controls to be escaped', MIB, controls => escapeText(controls.replaceAll('x', '\u0007'))),
]

const TEXT: ReadonlySet<string> = new Set(['application/json', 'application/x-yaml'])

function json(name: string, make: () => string): () => LargeInput {
  return body(`json: ${name}`, 'application/json', () => Buffer.from(make()))
}

function body(name: string, contentType: string, make: () => Uint8Array): () => LargeInput {
  return () => {
    const bytes = make()
    const sent = {
      ...message('', {}),
      properties: { contentType, contentEncoding: TEXT.has(contentType) ? 'utf-8' : 'binary' },
      body: bytes,
    }
    return { name, bytes: bytes.length, read: () => outcome(sent) }
  }
}

function packed(name: string, compression: string, make: () => Uint8Array): () => LargeInput {
  return () => {
    const bytes = make()
    const sent = { ...message('', { compression }), body: bytes }
    return { name, bytes: bytes.length, read: () => outcome(sent) }
  }
}

function outcome(sent: Message): string {
  const decoded = decodeTask(sent, readAll, { now: NOW })
  return decoded.kind === 'task' ? 'task' : `${decoded.reason}: ${decoded.detail}`.slice(0, 80)
}

function text(name: string, length: number, read: (text: string) => unknown): () => LargeInput {
  return () => ({ name, bytes: length, read: () => read('x'.repeat(length)) })
}

function message(body: string, headers: Headers): Message {
  return {
    headers: { task: 't', id: 'a', ...headers },
    properties: { contentType: 'application/json' },
    body: Buffer.from(body),
  }
}

function around(head: string, unit: string, tail: string): () => string {
  return () => head + unit.repeat(Math.floor((16 * MIB - 2) / unit.length)) + tail
}

function list(item: string, count: number): string {
  return `${`${item},`.repeat(count - 1)}${item}`
}

function tower(head: string, levels: number): string {
  return `${head.repeat(levels)}1${'}'.repeat(levels)}`
}

function unique(): () => string {
  let next = 0
  return () => (next++).toString(36).padStart(6, '0')
}

function deep(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}

function repeated(bytes: Uint8Array | undefined, size: number): Uint8Array {
  const one = Buffer.from(bytes ?? [])
  return Buffer.concat(Array(Math.floor(size / one.length)).fill(one))
}

/** Bytes that look like chance and are always the same. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = 1
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

function headers(name: string, given: Headers): () => LargeInput {
  const sent = message('[[], {}, {}]', given)
  return () => ({ name: `headers: ${name}`, bytes: 128 * 1024, read: () => outcome(sent) })
}
