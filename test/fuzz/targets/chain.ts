import { cutChain } from '../../../src/protocol/chain-cut.js'
import { ProtocolError } from '../../../src/protocol/errors.js'
import { parseJson, printJsonBytes, rawItems } from '../../../src/protocol/json.js'
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.js'
import { textOf } from '../expect.js'
import { looseJson } from '../loose-json.js'
import { mutateText } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { Broken, INPUTS, type Input, type Outcome, type Target } from '../target.js'

const STEP = {
  task: 'demo.add',
  args: [2],
  kwargs: {},
  options: { task_id: 'a' },
  subtask_type: null,
  immutable: false,
}
const ODD = { ...STEP, args: ['ž "quoted" \\', 1e300, -0.5, { chain: [STEP] }], options: { link: [STEP], chord: STEP } }
const EMBED = {
  callbacks: null,
  errbacks: null,
  chain: [STEP, ODD, STEP, { ...STEP, task: 'celery.group' }],
  chord: null,
}

const SEEDS: readonly unknown[] = [
  [[1, 2], {}, EMBED],
  [['"chain": [{'], { chain: [STEP, STEP, STEP, STEP] }, { ...EMBED, chord: STEP }],
  [[], {}, { chain: [ODD, ODD, ODD] }],
]

const EXACT = '{"task": "t", "args": [1.0, 1e400, NaN, 12345678901234567890], "options": {"\\u0061": "\\ud83d"}}'
const TEXTS: readonly string[] = [
  ...SEEDS.map(looseJson),
  `[[], {}, {"chain": [${Array.from({ length: 6 }, () => EXACT).join(' , ')}], "chord": null}]`,
  `[[], {}, {"chain": [${Array.from({ length: 6 }, () => EXACT).join(',')}], "chain": null}]`,
]

/** Bodies whose chain is kept as text: what is cut, put together again, is what is read as a whole. */
export const chainTarget: Target = { name: 'chain', inputs: INPUTS, make, judge: input => judge(textOf(input)) }

function make(random: FuzzRandom): Input {
  if (random.once(2)) return { kind: 'text', text: mutateText(random.pick(TEXTS), random, TEXTS) }
  return { kind: 'text', text: looseJson(mutateValue(random.pick(SEEDS), { random, donors: SEEDS, typed: false })) }
}

function judge(text: string): Outcome {
  // Half a surrogate pair is no UTF-8, and becomes a mark that is.
  const bytes = Buffer.from(text)
  const cut = cutChain(bytes, DEFAULT_LIMITS)
  if (cut === undefined) return 'whole'
  const whole = read(bytes.toString())
  if (whole instanceof ProtocolError) throw new Broken(`what was cut is no JSON: ${whole.message}`)
  const [args, kwargs, embed] = read(Buffer.from(cut.body).toString()) as [unknown, unknown, object]
  const later = rawItems(cut.later)
  mustBeSame([args, kwargs, { ...embed, chain: [...later, read(cut.next)] }], whole, 'what was cut, put together,')
  if (cut.later.length !== later.length) throw new Broken('it counts other steps than there are')
  mustBeSame(read(Buffer.from(printJsonBytes([cut.later])).toString()), [later], 'what is passed on')
  return 'cut'
}

function read(text: string): unknown {
  try {
    return parseJson(text, { exact: true })
  } catch (error) {
    if (error instanceof ProtocolError) return error
    throw error
  }
}
