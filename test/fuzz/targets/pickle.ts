import { pickle, unpickle } from '../../../src/protocol/pickle.js'
import { pythonRepr } from '../../../src/protocol/python-repr.js'
import { groupMetaFromPickle } from '../../../src/protocol/saved-group-pickle.js'
import { vectors } from '../../support/vectors.js'
import { PICKLE_SEEDS } from '../binary-seeds.js'
import { bytesOf } from '../expect.js'
import { mutateBytes } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import { written } from '../outcome.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { INPUTS, type Input, type Outcome, type Target } from '../target.js'

const VALUES: readonly unknown[] = [
  [[1, 'two', 3.5, null, true, [1, { a: 'ž' }]], { k: 'v' }, { callbacks: null }],
  { exc_type: 'ValueError', exc_message: ['boo'], exc_module: 'builtins' },
]

/** Pickles of every protocol, as Python and we wrote them. */
export function pickleTarget(): Target {
  const seeds = [...PICKLE_SEEDS, ...VALUES.map(value => pickle(value)), ...savedGroups()]
  return {
    name: 'pickle',
    inputs: INPUTS,
    make: random => make(random, seeds),
    judge: input => judge(bytesOf(input)),
  }
}

function savedGroups(): readonly Uint8Array[] {
  const found = vectors('celery-5.6.2/results/sqlite/').flatMap(
    ({ vector }) => JSON.stringify(vector).match(PICKLED) ?? [],
  )
  return [...new Set(found)].slice(0, 12).map(text => Buffer.from(text.split('"')[3] as string, 'base64'))
}

/** A column of a captured row; `gAS` begins every pickle of protocol 4. */
const PICKLED = /"base64":"gAS[^"]*"/g

function make(random: FuzzRandom, seeds: readonly Uint8Array[]): Input {
  if (random.once(5)) {
    const value = mutateValue(random.pick(VALUES), { random, donors: VALUES, typed: true })
    return { kind: 'bytes', bytes: written(() => pickle(value)) ?? random.pick(seeds) }
  }
  return { kind: 'bytes', bytes: mutateBytes(random.pick(seeds), random, seeds) }
}

function judge(bytes: Uint8Array): Outcome {
  const group = Buffer.from(bytes).includes('GroupResult')
  if (group) {
    groupMetaFromPickle(bytes)
    return 'group'
  }
  const value = unpickle(bytes, { tuples: true })
  pythonRepr(value)
  const again = written(() => pickle(value))
  if (again === undefined) return 'read-only'
  mustBeSame(unpickle(again, { tuples: true }), value, 'pickling and unpickling')
  return 'value'
}
