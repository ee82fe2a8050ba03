import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EncodeError, ProtocolError, type ProtocolFault } from './errors.js'
import { DEFAULT_LIMITS } from './limits.js'
import { pickle, unpickle } from './pickle.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, TimeDelta, Tuple, Uuid } from './values.js'

function fault(bytes: string | Uint8Array, limits = DEFAULT_LIMITS): ProtocolFault | undefined {
  try {
    unpickle(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, { limits })
    return undefined
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error} is a ProtocolError`)
    return error.fault
  }
}

const PLAIN = {
  none: null,
  flags: [true, false],
  ints: [
    0,
    255,
    256,
    65_536,
    -1,
    -129,
    2 ** 31,
    -(2 ** 31),
    Number.MAX_SAFE_INTEGER,
    10n ** 40n,
    -(10n ** 40n),
    2n ** 63n,
  ],
  floats: [1.5, -0, 1e300, Infinity, Number.NaN],
  texts: ['', 'ž\ud800🐎', 'x'.repeat(300)],
  bytes: [Buffer.from([0, 255]), Buffer.alloc(300)],
  tuples: [new Tuple([]), new Tuple([1]), new Tuple([1, 2]), new Tuple([1, 2, 3]), new Tuple([1, 2, 3, 4])],
  set: new Set([1, 'a']),
  times: [new Date(1709210096789), new NaiveDateTime('2024-02-29T12:34:56.789012'), new PlainDate('0001-01-01')],
  clock: [new PlainTime('12:34:56.1-01:30'), new PlainTime('00:00'), new TimeDelta(-1, 5, 6)],
  others: [new Decimal('1.10'), new Uuid('12345678-1234-5678-1234-567812345678')],
  ['__proto__']: { empty: {} },
}

test('plain data survives', () => {
  assert.deepEqual(unpickle(pickle(PLAIN), { tuples: true }), PLAIN)
})

test('tuples are arrays unless they are asked for', () => {
  assert.deepEqual(unpickle(pickle(new Tuple([1, new Tuple([2])]))), [1, [2]])
})

test('an integer is pickled as Python pickles it', () => {
  assert.deepEqual(pickle(3), Buffer.from([0x80, 4, 0x4b, 3, 0x2e]))
})

// Written by CPython 3.11: pickle.dumps({'a': (1, -1, 10**20, 1.5), 'b': [b'\xff', datetime.date(2024, 2, 29), None, True,
//   uuid.UUID(int=5), {3}]}, n)
const BY_PYTHON: readonly (readonly [protocol: number, base64: string])[] = [
  [
    0,
    'KGRwMApWYQpwMQooSTEKSS0xCkwxMDAwMDAwMDAwMDAwMDAwMDAwMDBMCkYxLjUKdHAyCnNWYgpwMwoobHA0CmNfY29kZWNzCmVuY29kZQpwNQooVv8KcDYKVmxhdGluMQpwNwp0cDgKUnA5CmFjZGF0ZXRpbWUKZGF0ZQpwMTAKKGc1CihWB+gCHQpwMTEKZzcKdHAxMgpScDEzCnRwMTQKUnAxNQphTmFJMDEKYWNjb3B5X3JlZwpfcmVjb25zdHJ1Y3RvcgpwMTYKKGN1dWlkClVVSUQKcDE3CmNfX2J1aWx0aW5fXwpvYmplY3QKcDE4Ck50cDE5ClJwMjAKKGRwMjEKVmludApwMjIKSTUKc2JhY19fYnVpbHRpbl9fCnNldApwMjMKKChscDI0CkkzCmF0cDI1ClJwMjYKYXMu',
  ],
  [
    1,
    'fXEAKFgBAAAAYXEBKEsBSv////9MMTAwMDAwMDAwMDAwMDAwMDAwMDAwTApHP/gAAAAAAAB0cQJYAQAAAGJxA11xBChjX2NvZGVjcwplbmNvZGUKcQUoWAIAAADDv3EGWAYAAABsYXRpbjFxB3RxCFJxCWNkYXRldGltZQpkYXRlCnEKKGgFKFgFAAAAB8OoAh1xC2gHdHEMUnENdHEOUnEPTkkwMQpjY29weV9yZWcKX3JlY29uc3RydWN0b3IKcRAoY3V1aWQKVVVJRApxEWNfX2J1aWx0aW5fXwpvYmplY3QKcRJOdHETUnEUfXEVWAMAAABpbnRxFksFc2JjX19idWlsdGluX18Kc2V0CnEXKF1xGEsDYXRxGVJxGmV1Lg==',
  ],
  [
    2,
    'gAJ9cQAoWAEAAABhcQEoSwFK/////4oJAAAQYy1ex2sFRz/4AAAAAAAAdHECWAEAAABicQNdcQQoY19jb2RlY3MKZW5jb2RlCnEFWAIAAADDv3EGWAYAAABsYXRpbjFxB4ZxCFJxCWNkYXRldGltZQpkYXRlCnEKaAVYBQAAAAfDqAIdcQtoB4ZxDFJxDYVxDlJxD06IY3V1aWQKVVVJRApxECmBcRF9cRJYAwAAAGludHETSwVzYmNfX2J1aWx0aW5fXwpzZXQKcRRdcRVLA2GFcRZScRdldS4=',
  ],
  [
    3,
    'gAN9cQAoWAEAAABhcQEoSwFK/////4oJAAAQYy1ex2sFRz/4AAAAAAAAdHECWAEAAABicQNdcQQoQwH/cQVjZGF0ZXRpbWUKZGF0ZQpxBkMEB+gCHXEHhXEIUnEJTohjdXVpZApVVUlECnEKKYFxC31xDFgDAAAAaW50cQ1LBXNiY2J1aWx0aW5zCnNldApxDl1xD0sDYYVxEFJxEWV1Lg==',
  ],
  [
    4,
    'gASVeQAAAAAAAAB9lCiMAWGUKEsBSv////+KCQAAEGMtXsdrBUc/+AAAAAAAAHSUjAFilF2UKEMB/5SMCGRhdGV0aW1llIwEZGF0ZZSTlEMEB+gCHZSFlFKUToiMBHV1aWSUjARVVUlElJOUKYGUfZSMA2ludJRLBXNij5QoSwOQZXUu',
  ],
  [
    5,
    'gAWVeQAAAAAAAAB9lCiMAWGUKEsBSv////+KCQAAEGMtXsdrBUc/+AAAAAAAAHSUjAFilF2UKEMB/5SMCGRhdGV0aW1llIwEZGF0ZZSTlEMEB+gCHZSFlFKUToiMBHV1aWSUjARVVUlElJOUKYGUfZSMA2ludJRLBXNij5QoSwOQZXUu',
  ],
]

for (const [protocol, base64] of BY_PYTHON) {
  test(`protocol ${protocol} is read`, () => {
    assert.deepEqual(unpickle(Buffer.from(base64, 'base64')), {
      a: [1, -1, 10n ** 20n, 1.5],
      b: [Buffer.from([255]), new PlainDate('2024-02-29'), null, true, new Uuid('5'.padStart(32, '0')), new Set([3])],
    })
  })
}

test('keys that are no text become it', () => {
  // {1: 1, None: 2, True: 3, 1.5: 4, (1, 'x'): 5, b'k': 6}
  const bytes = Buffer.from('gASVJwAAAAAAAAB9lChLAUsDTksCRz/4AAAAAAAASwRLAYwBeJSGlEsFQwFrlEsGdS4=', 'base64')
  assert.deepEqual(unpickle(bytes), { 1: 3, null: 2, '1.5': 4, "(1, 'x')": 5, "b'k'": 6 })
})

test('S01 nothing but plain data is built', () => {
  for (const bytes of [
    "cos\nsystem\n(S'echo'\ntR.",
    'cos\nsystem\n.',
    'cbuiltins\neval\n.',
    'c__builtin__\ngetattr\n.',
    'ccopyreg\n_reconstructor\n(cbuiltins\nobject\ncbuiltins\nobject\nNtR.',
    'cbuiltins\nobject\n.',
    '(ios\nsystem\n.',
    'Ppersistent\n.',
    '\x80\x02\x82\x01.',
    '\x80\x05\x97.',
    '\x80\x04\x8c\x02os\x8c\x06system\x93.',
    '(cdatetime\ndatetime\nt.',
    ']cdatetime\ndatetime\na.',
    '](cdatetime\ndate\nta.',
    '}(K\x01cdatetime\ndate\nu.',
    ')cdatetime\ndate\nR.',
    '}}b.',
    'cuuid\nUUID\n)\x81.',
    '(lcuuid\nUUID\n)\x81a.',
  ]) {
    assert.equal(fault(bytes), 'undecodable', JSON.stringify(bytes))
  }
})

test('a name in a pickle cannot forge a line of the log', () => {
  assert.throws(
    () => unpickle(Buffer.from('cx\u001b[31m\ny\r\n.', 'latin1')),
    (error: Error) => !/\p{Cc}/u.test(error.message),
  )
})

test('values whose state is nonsense are malformed', () => {
  for (const bytes of [
    'cdatetime\ndate\n(C\x04\x07\xe8\x02\x1etR.',
    'cdatetime\ndate\n(C\x03abctR.',
    'cdatetime\ndate\n)R.',
    'cdatetime\ndatetime\n(C\x0a\x07\xe8\x02\x1d\x18\x00\x00\x00\x00\x00tR.',
    'cdatetime\ndatetime\n(C\x0a\x07\xe8\x02\x1d\x00\x00\x00\x00\x00\x00K\x01tR.',
    'cdatetime\ntimezone\n(K\x01tR.',
    'cdecimal\nDecimal\n(X\x01\x00\x00\x00xtR.',
    'cuuid\nUUID\n)\x81}X\x03\x00\x00\x00intK\xffsX\x03\x00\x00\x00intJ\xff\xff\xff\xffsb.',
    'cuuid\nUUID\n)\x81}b.',
    `\x80\x02\x8b${'\x00\x08\x00\x00'}${'\x01'.repeat(2048)}.`,
    `L${'1'.repeat(5000)}\n.`,
  ]) {
    assert.equal(fault(bytes), 'malformed', JSON.stringify(bytes.slice(0, 60)))
  }
})

test('bytes that are no pickle are undecodable', () => {
  for (const bytes of [
    '',
    '.',
    'N',
    'NN.',
    'N.N',
    '(.',
    'e.',
    'Na.',
    '1.',
    'h\x01.',
    'g1\n.',
    'K',
    'J\x01.',
    'Ix\n.',
    'F1x\n.',
    'X\xff\xff\xff\xffx.',
    '\x8c\x01\xff.',
    '\x80\x06N.',
    '}N(s.',
    'NK\x01s.',
    '\x85.',
    'V\\Uffffffff\n.',
    'p1\n.',
    'NR.',
    '\xff.',
  ]) {
    assert.equal(fault(bytes), 'undecodable', JSON.stringify(bytes))
  }
})

test('L04 depth, cycles and blown-up values are refused', () => {
  assert.equal(fault(`${']'.repeat(513)}${'a'.repeat(512)}.`), 'malformed')
  assert.equal(fault(`${']'.repeat(512)}${'a'.repeat(511)}.`), undefined)
  assert.equal(fault(']q\x00h\x00a.'), 'malformed')
  // Each list holds the one before it ten times over.
  const blown = `]q\x00${Array.from({ length: 9 }, (_, i) => `(${`h${String.fromCharCode(i)}`.repeat(10)}lq${String.fromCharCode(i + 1)}`).join('')}.`
  assert.equal(fault(blown.replace(/^\]q\0/, ']q\0')), 'undecodable') // the lists are left on the stack
  assert.equal(
    fault(
      `]q\x000${Array.from({ length: 9 }, (_, i) => `(${`h${String.fromCharCode(i)}`.repeat(10)}lq${String.fromCharCode(i + 1)}0`).join('')}h\x09.`,
    ),
    'too-large',
  )
})

test('a text memorised once and converted often costs no more than the limit', () => {
  const text = `X\x00\x00\x01\x00${'a'.repeat(65_536)}q\x000`
  const convert = 'c_codecs\nencode\n(h\x00X\x06\x00\x00\x00latin1tR0'
  assert.equal(fault(`${text}${convert.repeat(100)}N.`, { ...DEFAULT_LIMITS, bodyBytes: 1_000_000 }), 'too-large')
})

test('what cannot be pickled is refused with its place', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  for (const [value, path] of [
    [{ a: [() => 1] }, 'a[0]'],
    [{ a: Symbol('x') }, 'a'],
    [[new (class Foo {})()], '[0]'],
    [
      {
        get a() {
          throw new Error('no')
        },
      },
      '',
    ],
    [[new Date(Number.NaN)], '[0]'],
    [[10n ** 5000n], '[0]'],
  ] as const) {
    assert.throws(
      () => pickle(value),
      (error: unknown) => error instanceof EncodeError && error.path === path,
    )
  }
  assert.throws(() => pickle(cyclic), /contains itself/)
  assert.throws(() => pickle([1, 2, 3], { limits: { ...DEFAULT_LIMITS, values: 3 } }), { code: 'LVG_ENCODE_TOO_LARGE' })
})
