import { signatureFromDict, signatureToDict } from '../../../src/protocol/signature-dict.js'
import { givenOf } from '../expect.js'
import { mutateValue } from '../mutate-value.js'
import { written } from '../outcome.js'
import { mustBeSame } from '../same.js'
import { Broken, INPUTS, type Outcome, type Target } from '../target.js'

const ADD = { task: 'demo.add', args: [1, 2], kwargs: {}, options: {}, subtask_type: null, immutable: false }

const SEEDS: readonly unknown[] = [
  ADD,
  { ...ADD, options: { task_id: 'a', link: [ADD], link_error: ADD, countdown: 3, expires: 1.5, priority: 5 } },
  { ...ADD, task: 'celery.chain', kwargs: { tasks: [ADD, ADD, ADD] }, subtask_type: 'chain' },
  { ...ADD, task: 'celery.group', kwargs: { tasks: [ADD, ADD] }, subtask_type: 'group', immutable: true },
  { ...ADD, task: 'celery.chord', kwargs: { header: [ADD, ADD], body: ADD, kwargs: {} }, subtask_type: 'chord' },
  { ...ADD, task: 'celery.map', kwargs: { task: ADD, it: [[1], [2]] }, chord_size: 3 },
  { ...ADD, options: { chain: [ADD, { ...ADD, options: { chord: ADD } }] } },
]

/** Signatures of every type, within each other. */
export const signatureTarget: Target = {
  name: 'signature',
  inputs: INPUTS,
  make: random => ({
    kind: 'value',
    value: mutateValue(random.pick(SEEDS), { random, donors: SEEDS, typed: true }),
  }),
  judge: input => judge(givenOf(input)),
}

function judge(value: unknown): Outcome {
  const signature = signatureFromDict(value)
  const dict = written(() => signatureToDict(signature))
  if (dict === undefined) throw new Broken('a signature that was read cannot be written')
  const { chordSize, ...rest } = signatureFromDict(dict)
  const { chordSize: _neverWritten, ...first } = signature
  mustBeSame(rest, first, 'writing and reading a signature')
  return 'value'
}
