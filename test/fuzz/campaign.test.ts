import assert from 'node:assert/strict'
import { test } from 'node:test'
import { campaign } from './campaign.js'
import { FuzzRandom } from './random.js'
import type { Target } from './target.js'

/** Reads small numbers, and fails in a way of its own for some. */
const faulty: Target = {
  name: 'faulty',
  inputs: 100,
  make: random => ({ kind: 'value', value: random.below(10) }),
  judge: input => {
    const value = input.kind === 'value' ? input.value : undefined
    if (value === 7) throw new TypeError('seven')
    if (value === 8) (({}) as { a: { b: number } }).a.b = 1
    return value === 9 ? new Promise<string>((_, reject) => reject(new RangeError('nine'))) : 'value'
  },
}

test('errors that no decoder may throw are found once for each kind', async () => {
  const { finds, outcomes, count } = await campaign(faulty, { seed: 1, from: 0, count: 100 })
  const kinds = finds.map(({ problem }) => problem.slice(0, 10)).sort()
  assert.deepEqual(kinds, ['RangeError', 'TypeError:', 'TypeError:'])
  assert.equal(count, 100)
  assert.ok((outcomes['value'] ?? 0) > 50)
})

test('a find is made again from seed and index alone', async () => {
  const { finds } = await campaign(faulty, { seed: 1, from: 0, count: 100 })
  for (const { index, problem } of finds) {
    const again = await campaign(faulty, { seed: 1, from: index, count: 1 })
    assert.equal(again.finds[0]?.problem.split('\n')[0], problem.split('\n')[0])
  }
})

test('a changed prototype is a find', async () => {
  const polluting: Target = {
    ...faulty,
    judge: () => {
      Object.assign(Object.prototype, { polluted: true })
      return 'value'
    },
  }
  const { finds } = await campaign(polluting, { seed: 1, from: 0, count: 1 })
  delete (Object.prototype as { polluted?: boolean }).polluted
  assert.equal(finds.length, 1)
})

test('the same seed and index give the same numbers, others do not', () => {
  const numbers = (seed: number, index: number): readonly number[] => {
    const random = new FuzzRandom('x', seed, index)
    return Array.from({ length: 8 }, () => random.below(1000))
  }
  assert.deepEqual(numbers(1, 2), numbers(1, 2))
  assert.notDeepEqual(numbers(1, 2), numbers(2, 1))
  assert.notDeepEqual(numbers(1, 2), numbers(1, 3))
})
