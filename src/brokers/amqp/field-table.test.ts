import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toFieldTable } from './field-table.js'

test('whole numbers that peers would misread get a type, all others pass as they are', () => {
  for (const value of [0, 1, 127, 32_768, -32_769, 2 ** 40, 1.5, 300.25]) {
    assert.deepEqual(toFieldTable({ value }), { value })
  }
  for (const value of [128, 300, 32_767, -1, -128, -32_768]) {
    assert.deepEqual(toFieldTable({ value }), { value: { '!': 'int', value } })
    assert.deepEqual(toFieldTable({ within: [null, value] }), { within: [null, { '!': 'int', value }] })
  }
})
