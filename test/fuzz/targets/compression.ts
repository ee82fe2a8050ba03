import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import { compress, decompress } from '../../../src/protocol/compression.js'
import { BZIP2_SEEDS, XZ_SEEDS, ZSTD_SEEDS } from '../binary-seeds.js'
import { bytesOf } from '../expect.js'
import { mutateBytes } from '../mutate-bytes.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { Broken, INPUTS, type Outcome, type Target } from '../target.js'

const PLAIN: readonly Uint8Array[] = [
  Buffer.concat([Buffer.from('hello hello hello '.repeat(6)), Buffer.from(Array.from({ length: 40 }, (_, i) => i))]),
  Buffer.alloc(70_000),
  Buffer.from('[[1, "two"], {"k": "v"}, {"callbacks": null}]'),
]

const LIMIT = 64 * 1024

/** Less effort than by default, of which brotli makes a hundred times too much. */
const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }

const METHODS: readonly (readonly [name: string, inputs: number, seeds: readonly Uint8Array[]])[] = [
  ['gzip', 60_000, PLAIN.map(plain => deflateSync(plain))],
  ['brotli', 60_000, PLAIN.map(plain => brotliCompressSync(plain, quickly))],
  ['zstd', 30_000, ZSTD_SEEDS],
  ['bzip2', 8_000, BZIP2_SEEDS],
  ['xz', 100_000, XZ_SEEDS],
]

/** One target for each way of compressing a body. */
export const compressionTargets: readonly Target[] = METHODS.map(([name, inputs, seeds]) => ({
  name,
  inputs,
  ...(inputs < INPUTS ? { because: 'setting up this decompressor costs more than a short stream' } : {}),
  make: random => ({ kind: 'bytes', bytes: make(random, name, seeds) }),
  judge: input => judge(bytesOf(input), name),
}))

/** One in eight holds what somebody else packed well: checksums refuse nearly everything that was changed. */
function make(random: FuzzRandom, name: string, seeds: readonly Uint8Array[]): Uint8Array {
  if (!random.once(8)) return mutateBytes(random.pick(seeds), random, seeds)
  if (name !== 'gzip' && name !== 'brotli') return random.pick(seeds)
  const plain = mutateBytes(random.pick(PLAIN), random, PLAIN, 100_000)
  return name === 'gzip' ? deflateSync(plain) : brotliCompressSync(plain, quickly)
}

function judge(bytes: Uint8Array, name: string): Outcome {
  const plain = decompress(bytes, name, LIMIT)
  if (plain.length > LIMIT) throw new Broken(`${plain.length} bytes came out; at most ${LIMIT} were allowed`)
  if (name === 'gzip' || name === 'brotli') {
    const again = decompress(compress(plain, name).body, name, LIMIT)
    mustBeSame(Buffer.from(again), Buffer.from(plain), 'compressing and decompressing')
  }
  return 'value'
}
