import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRate } from './rate.js'

test('rates are read as Celery reads them', () => {
  const table: readonly (readonly [unknown, number | undefined])[] = [
    ['10/s', 10],
    ['100/m', 100 / 60],
    ['5/h', 5 / 3600],
    ['10', 10],
    ['1.5/m', 0.025],
    ['.5', 0.5],
    ['1e3/s', 1000],
    [7, 7],
    [0.25, 0.25],
    // None.
    [0, 0],
    ['0', 0],
    ['0/m', 0],
    ['', 0],
    [null, 0],
    [undefined, 0],
    // Errors, where Celery has ValueError or KeyError; and what it would take and never fill.
    ['/s', undefined],
    ['10/', undefined],
    ['10/d', undefined],
    ['ten/s', undefined],
    ['10/s/s', undefined],
    ['-1/s', undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    ['1e999/s', undefined],
    [{}, undefined],
    [['10/s'], undefined],
    [true, undefined],
  ]
  for (const [value, rate] of table) assert.equal(parseRate(value), rate, JSON.stringify(value))
})
