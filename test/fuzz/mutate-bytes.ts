import type { FuzzRandom } from './random.js'

/** Pieces that formats give a meaning to. */
const TOKENS: readonly string[] = [
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\u005f',
  ',',
  ':',
  '{',
  '}',
  '[',
  ']',
  '[[[[[[[[',
  '{"a":{"a":',
  'null',
  'NaN',
  '-Infinity',
  '1e400',
  '1.0',
  '-0',
  '-',
  '0'.repeat(20),
  '9'.repeat(4301),
  '"__proto__":',
  '"__type__":"datetime",',
  '\ufeff',
  '\u0000',
  '\u2028',
  '%',
  '%zz',
  '://',
  '/',
  '@',
  ';',
  '?a=b',
  '#',
  '*',
  '[!',
  '-',
  '+00:00',
  'T',
  'Z',
  '.5',
  'ms',
  'h',
  '&a',
  '*a',
  '!!x ',
  '- ',
  ': ',
  '\n',
  '  ',
  '|',
]

const BYTES: readonly number[] = [0, 1, 0x7f, 0x80, 0xc0, 0xc1, 0xd8, 0xdf, 0xff, 0x2e, 0x28, 0x7d, 0x5d, 0x95, 0x80]

/** A copy with 1 to 5 changes of bytes, most often one or two. Never larger than `limit`. */
export function mutateBytes(
  bytes: Uint8Array,
  random: FuzzRandom,
  others: readonly Uint8Array[],
  limit = 20_000,
): Uint8Array {
  let mutated = bytes
  for (let left = random.few(5); left > 0; left--) mutated = changed(mutated, random, others)
  return mutated.length > limit ? mutated.slice(0, limit) : mutated
}

/** The same with text: surrogates may be torn apart, everything else is kept. */
export function mutateText(text: string, random: FuzzRandom, others: readonly string[], limit = 20_000): string {
  let mutated = text
  for (let left = random.few(5); left > 0; left--) {
    const at = random.below(mutated.length + 1)
    const to = Math.min(mutated.length, at + 1 + random.below(random.once(3) ? 30 : 2))
    const [before, middle, after] = [mutated.slice(0, at), mutated.slice(at, to), mutated.slice(to)]
    switch (random.below(9)) {
      case 7:
      case 8:
        mutated = before + middle.replace(/\d/g, () => String(random.below(10))) + after
        break
      case 0:
        mutated = before + after
        break
      case 1:
        mutated = before + middle.repeat(1 + random.below(4)) + after
        break
      case 2:
        mutated = before + String.fromCharCode(random.below(random.once(4) ? 0x10000 : 0x80)) + after
        break
      case 3:
        mutated = before + random.pick(others).slice(random.below(20)) + after
        break
      default:
        mutated = before + random.pick(TOKENS) + (random.once(2) ? middle : '') + after
    }
  }
  return mutated.slice(0, limit)
}

function changed(bytes: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): Uint8Array {
  const at = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, at + 1 + random.below(random.once(3) ? 40 : 4))
  switch (random.below(9)) {
    case 8:
      return spliced(bytes, at, at + 1, Uint8Array.of((bytes[at] ?? 0) + random.pick([1, -1, 2])))
    case 0:
      return spliced(bytes, at, to, NOTHING)
    case 1:
      return spliced(bytes, at, at, bytes.subarray(at, to))
    case 2:
      return spliced(bytes, at, to, Uint8Array.of(random.below(256)))
    case 3: {
      if (at === bytes.length) return bytes.slice(0, random.below(bytes.length + 1))
      const flipped = new Uint8Array(bytes)
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8))
      return flipped
    }
    case 4:
      return spliced(bytes, at, at + 1, Uint8Array.of(random.pick(BYTES)))
    case 5: {
      const other = random.pick(others)
      const from = random.below(other.length + 1)
      return spliced(bytes, at, to, other.subarray(from, from + random.below(60)))
    }
    case 6:
      return random.once(3) ? bytes.slice(0, at) : spliced(bytes, at, at, Buffer.from(random.pick(TOKENS)))
    default: {
      const number = Buffer.alloc(4)
      number.writeUInt32LE(random.pick([0, 1, 0x7f_ff_ff_ff, 0x80_00_00_00, 0xff_ff_ff_ff, 65_535]))
      return spliced(bytes, at, at + 4, number.subarray(0, 1 + random.below(4)))
    }
  }
}

const NOTHING = new Uint8Array(0)

function spliced(bytes: Uint8Array, from: number, to: number, middle: Uint8Array): Uint8Array {
  const end = Math.min(to, bytes.length)
  const result = new Uint8Array(from + middle.length + bytes.length - end)
  result.set(bytes.subarray(0, from))
  result.set(middle, from)
  result.set(bytes.subarray(end), from + middle.length)
  return result
}
