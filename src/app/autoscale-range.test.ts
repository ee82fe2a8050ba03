import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAutoscale } from './autoscale-range.js'

test('a range of slots is read as Celery reads it', () => {
  for (const value of ['10,1', '1,10', ' 10 , 1 ', [10, 1]]) assert.deepEqual(readAutoscale(value), { max: 10, min: 1 })
  assert.deepEqual(readAutoscale('10'), { max: 10, min: 0 })
  assert.deepEqual(readAutoscale([3]), { max: 3, min: 0 })
  for (const value of ['', 'x', '10,', '10,1,2', '-1,2', '1.5', '0', '0,0', [], [1, 2, 3], [-1, 2], 10, null]) {
    assert.equal(readAutoscale(value), undefined, JSON.stringify(value))
  }
})
