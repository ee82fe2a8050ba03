import { createCodec } from '../../../src/protocol/create-codec.js'
import { packMsgpack, unpackMsgpack } from '../../../src/protocol/msgpack.js'
import { bytesOf } from '../expect.js'
import { mutateBytes } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import { written } from '../outcome.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { INPUTS, type Input, type Outcome, type Target } from '../target.js'

const VALUES: readonly unknown[] = [
  [[1, 'two', 3.5, null, true, [1, { a: 'ž' }]], { k: 'v', l: [] }, { callbacks: null, chain: {} }],
  { n: [-1, 127, 128, 65_536, 2 ** 40, -(2 ** 40), 10n ** 18n, 0.1, -0], t: 'x'.repeat(40), d: new Date(1.7e12 + 3) },
  [
    { task: 'demo.add', args: [1], kwargs: {}, options: { task_id: 'a' } },
    '',
    ['2024-02-29', 'yes', '1_000', '0x1F', '~'],
  ],
]

const MSGPACK_SEEDS = VALUES.map(value => packMsgpack(value)).concat([
  packMsgpack([Buffer.from([0, 255]), { b: Buffer.alloc(300) }, Array.from({ length: 20 }, (_, i) => i)]),
])

/** MessagePack. */
export const msgpackTarget: Target = {
  name: 'msgpack',
  inputs: INPUTS,
  make: random => ({ kind: 'bytes', bytes: makeMsgpack(random) }),
  judge: input => judgeMsgpack(bytesOf(input)),
}

function makeMsgpack(random: FuzzRandom): Uint8Array {
  if (!random.once(4)) return mutateBytes(random.pick(MSGPACK_SEEDS), random, MSGPACK_SEEDS)
  const value = mutateValue(random.pick(VALUES), { random, donors: VALUES, typed: true })
  return written(() => packMsgpack(value)) ?? random.pick(MSGPACK_SEEDS)
}

function judgeMsgpack(bytes: Uint8Array): Outcome {
  const value = unpackMsgpack(bytes)
  const again = written(() => packMsgpack(value))
  if (again === undefined) return 'read-only'
  mustBeSame(unpackMsgpack(again), value, 'packing and unpacking')
  return 'value'
}

const yaml = createCodec({ accept: ['yaml'], serializer: 'yaml' })
const YAML_TYPE = { contentType: 'application/x-yaml', contentEncoding: 'utf-8', compression: undefined } as const

const YAML_SEEDS: readonly Uint8Array[] = [
  ...VALUES.map(value => yaml.encode(value).body),
  ...[
    "- - 1\n  - two\n- {k: v, 'l': [1, 2.5, ~, yes]}\n- callbacks: null\n  chain: null\n",
    'a: &x [1, 2]\nb: *x\nc: !!str 3\nd: |\n  text\n  more\ne: >-\n  folded\n',
    '--- \n"esc\\u0041\\n": 2024-02-29T12:34:56Z\n? [complex]\n: 1\n...\n',
    '<<: {a: 1}\nx: .inf\ny: -.nan\nz: 0o17\n',
  ].map(text => Buffer.from(text)),
]

/** YAML, with the rules and limits of the codec around it. */
export const yamlTarget: Target = {
  name: 'yaml',
  inputs: 8_000,
  because: 'the yaml package takes up to 1 ms for a text of this size',
  make: makeYaml,
  judge: input => judgeYaml(bytesOf(input)),
}

function makeYaml(random: FuzzRandom): Input {
  const seed = random.pick(YAML_SEEDS)
  if (!random.once(4)) return { kind: 'bytes', bytes: mutateBytes(seed, random, YAML_SEEDS, 2000) }
  const value = mutateValue(random.pick(VALUES), { random, donors: VALUES, typed: true })
  return { kind: 'bytes', bytes: written(() => yaml.encode(value).body) ?? seed }
}

function judgeYaml(body: Uint8Array): Outcome {
  const decoded = yaml.decode({ ...YAML_TYPE, body })
  if (decoded.kind === 'undecodable') return decoded.reason
  const again = written(() => yaml.encode(decoded.value))
  if (again === undefined) return 'read-only'
  mustBeSame(yaml.decode(again), decoded, 'writing and reading YAML')
  return 'value'
}
