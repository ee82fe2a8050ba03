import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from './errors.js'
import { Decimal, ExactNumber, NaiveDateTime, PlainDate, PlainTime, TimeDelta, Uuid } from './values.js'

test('each value has one text, as Python prints it', () => {
  assert.equal(String(new NaiveDateTime('2024-02-29 12:34')), '2024-02-29T12:34:00')
  assert.equal(String(new NaiveDateTime('2024-02-29T12:34:56.5')), '2024-02-29T12:34:56.500000')
  assert.equal(String(new PlainDate('20240229')), '2024-02-29')
  assert.equal(String(new PlainTime('12:34:56.789012-01:30')), '12:34:56.789012-01:30')
  assert.equal(String(new Decimal('1E+3')), '1E+3')
  assert.equal(String(new Uuid('12345678123456781234567812345678')), '12345678-1234-5678-1234-567812345678')
})

test('two values that mean the same are deeply equal', () => {
  assert.deepEqual(new Uuid('12345678-1234-5678-1234-567812345678'), new Uuid('12345678123456781234567812345678'))
  assert.notDeepEqual(new Decimal('1.1'), new Decimal('1.10'))
})

test('a naive datetime can be taken as UTC', () => {
  assert.equal(new NaiveDateTime('2024-02-29T12:34:56.789').toDate().getTime(), Date.UTC(2024, 1, 29, 12, 34, 56, 789))
})

test('a text that is no such value is refused', () => {
  for (const make of [
    () => new NaiveDateTime('2024-02-29T12:34:56Z'),
    () => new PlainDate('2024-02-30'),
    () => new PlainTime('25:00'),
    () => new Decimal('1,5'),
    () => new Decimal(''),
    () => new Uuid('1234'),
    () => new ExactNumber('01'),
    () => new TimeDelta(0, -1),
    () => new TimeDelta(0.5),
  ]) {
    assert.throws(make, ProtocolError)
  }
})
