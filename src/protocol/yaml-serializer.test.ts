import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { EncodeError, ProtocolError, type ProtocolFault } from './errors.js'
import { DEFAULT_LIMITS } from './limits.js'
import { Uuid } from './values.js'
import { yamlSerializer } from './yaml-serializer.js'

const yaml = yamlSerializer(DEFAULT_LIMITS)

function read(text: string): unknown {
  return yaml.decode(Buffer.from(text), false)
}

function print(value: unknown): string {
  return Buffer.from(yaml.encode(value, undefined)).toString('utf8')
}

function fault(text: string): ProtocolFault | undefined {
  try {
    read(text)
    return undefined
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error} is a ProtocolError`)
    return error.fault
  }
}

const VALUE = {
  numbers: [0, 1.5, -0, 1e20, 1e-7, 1e16, 10n ** 30n, Number.NaN, Infinity, -Infinity],
  texts: [
    '',
    '~',
    'yes',
    '1e5',
    '2024-02-29',
    '- a',
    '"',
    "'",
    '\n\t\x00\x7f\u0085\u2028\ufeff',
    '\ud800',
    '🐎',
    '<<',
    '=',
    '!x',
    '&x',
    '*x',
  ],
  words: [true, false, null],
  date: new Date(Date.UTC(2024, 1, 29, 12, 34, 56, 789)),
  nested: { '': [[], {}], ['k'.repeat(3000)]: 1, ['__proto__']: 2, '1': 3 },
}

test('plain data survives', () => {
  assert.deepEqual(read(print(VALUE)), VALUE)
})

test('what is written means the same to YAML 1.1 and 1.2', () => {
  const { date: _, ...value } = { ...VALUE, numbers: [0, 1.5, 1e20, 1e-7] }
  for (const version of ['1.1', '1.2'] as const) {
    assert.deepEqual(parse(print(value), { version }), value)
  }
})

test('plain scalars mean what they mean to PyYAML', () => {
  assert.deepEqual(
    read(
      '[1, +1_000, -5, 1.5, 1., 1.5e+3, 1e5, 0o17, 017, 0x1f, 1:30, yes, Off, ~, null, Null, .inf, -.INF, .nan, y, n]',
    ),
    [
      1,
      1000,
      -5,
      1.5,
      1,
      1500,
      '1e5',
      '0o17',
      '017',
      '0x1f',
      '1:30',
      true,
      false,
      null,
      null,
      null,
      Infinity,
      -Infinity,
      Number.NaN,
      'y',
      'n',
    ],
  )
  assert.deepEqual(read('- 2024-02-29 12:34:56+01:00\n- 2024-02-29\n- 123456789012345678901\n-\n'), [
    new Date(Date.UTC(2024, 1, 29, 11, 34, 56)),
    '2024-02-29',
    123456789012345678901n,
    null,
  ])
})

test('block style is read, with anchors and equal keys', () => {
  assert.deepEqual(read('a: &x\n  - 1\nb: *x\na: 2\n1: one\n'), { a: 2, b: [1], 1: 'one' })
})

test('S03 tags are refused', () => {
  for (const text of [
    '!!python/object/apply:os.system ["x"]',
    '!!binary "aa"',
    '!x y',
    '- !!set {a}',
    '!!timestamp 2024-02-29',
  ]) {
    assert.equal(fault(text), 'undecodable', text)
  }
})

test('M02 what is not one YAML document is undecodable', () => {
  for (const text of ['[1', '{a: 1', '[1] 2', 'a\n---\nb', '"x', '\ta: 1', '*x', '%YAML 3\n---\n1\n...\n2']) {
    assert.equal(fault(text), 'undecodable', text)
  }
})

test('M11 deep nesting is malformed, in every way YAML can nest', () => {
  for (const text of [
    '['.repeat(100_000),
    '- '.repeat(100_000),
    '{a: '.repeat(20_000),
    '? '.repeat(20_000),
    Array.from({ length: 600 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
  ]) {
    assert.equal(fault(text), 'malformed', text.slice(0, 8))
  }
})

test('aliases that blow a value up are refused', () => {
  const bomb = `a: &a [1,2,3,4,5,6,7,8,9]\n${[...'bcdefgh'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9)}]`).join('\n')}`
  assert.equal(fault(bomb), 'undecodable')
})

test('more than a mebibyte of YAML is too large', () => {
  assert.equal(fault(`"${'x'.repeat(1024 * 1024)}"`), 'too-large')
})

test('M50 what YAML has no form for is refused with its place', () => {
  for (const value of [
    Buffer.from('x'),
    new Uuid('0'.repeat(32)),
    new Set(),
    () => 1,
    new Date(Number.NaN),
    new Date(8.64e15),
  ]) {
    assert.throws(
      () => yaml.encode([[value]], ['args']),
      (error: unknown) => error instanceof EncodeError && error.path === 'args[0]',
    )
  }
})
