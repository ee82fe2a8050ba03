import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '../../src/protocol/errors.js'
import { parseJson, printJson } from '../../src/protocol/json.js'
import { pickle, unpickle } from '../../src/protocol/pickle.js'
import { argsrepr, kwargsrepr, pythonRepr } from '../../src/protocol/python-repr.js'
import { Tuple } from '../../src/protocol/values.js'
import { vectors } from '../support/vectors.js'

/** Values in SQL tables whose repr is Python's own and not Celery's display form, and how they read here. */
const OTHER_FORMS: Readonly<Record<string, string>> = {
  // Escapes.
  "b'\\x00\\xff\\xfe bytes'": "b'00fffe206279746573'",
  // Microseconds and finer.
  'datetime.datetime(2024, 2, 29, 12, 34, 56, 789012, tzinfo=datetime.timezone.utc)':
    'datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=datetime.timezone.utc)',
}

interface Row {
  readonly path: string
  readonly bytes: Buffer
  readonly repr: string
}

/** Results that are objects: an exception that Celery could not take apart, an instance of `object`, a saved group. */
function isObject({ repr }: Row): boolean {
  return repr.startsWith('SystemExit(') || repr.startsWith('<')
}

/** Every pickled result of the SQL backends. */
function rows(): readonly Row[] {
  return ['celery-5.2.6', 'celery-5.6.2'].flatMap(release =>
    ['sqlite', 'postgresql'].flatMap(backend => vectors(`${release}/results/${backend}/`).flatMap(rowsOf)),
  )
}

function rowsOf({ path, vector }: { readonly path: string; readonly vector: unknown }): readonly Row[] {
  const captures = vector as Readonly<
    Record<string, { readonly row?: { readonly result?: PickledColumn | null } } | null>
  >
  return [captures['default'], captures['extended']].flatMap(capture => {
    const result = capture?.row?.result
    return result == null ? [] : [{ path, bytes: Buffer.from(result.base64, 'base64'), repr: result.repr }]
  })
}

interface PickledColumn {
  readonly base64: string
  readonly repr: string
}

test('every result in the SQL tables of Python reads as Python reads it', () => {
  const found = rows().filter(row => !isObject(row))
  assert.ok(found.length > 100)
  for (const { path, bytes, repr } of found) {
    const shown = pythonRepr(unpickle(bytes, { tuples: true }))
    // Three levels are shown; a deeper repr cannot be compared.
    if (!shown.includes('...') && !isEscaped(repr)) assert.equal(shown, OTHER_FORMS[repr] ?? repr, path)
  }
})

test('every result in the SQL tables of Python survives being written by us', () => {
  for (const { path, bytes } of rows().filter(row => !isObject(row))) {
    const value = unpickle(bytes, { tuples: true })
    assert.deepEqual(unpickle(pickle(value), { tuples: true }), value, path)
  }
})

test('S01 objects that Python pickled are refused', () => {
  const objects = rows().filter(isObject)
  assert.ok(objects.length > 0)
  for (const { path, bytes } of objects) assert.throws(() => unpickle(bytes), ProtocolError, path)
})

/** Bodies in which JSON lost what the repr still tells: tuples within arguments, keys, zones, or types Kombu 5.2 wrote as text. */
const LOST_IN_JSON = /args_(?:datetime|nested)|argsrepr|chunks|xmap|xstarmap|task_by_name/
const LOST_IN_OLD_JSON = /celery-5\.2\.6\/.*args_(?:decimal|uuid|datetime)/

test('arguments look as the Python client made them look', () => {
  let compared = 0
  for (const release of ['celery-5.2.6', 'celery-5.6.2']) {
    for (const { path, vector } of vectors(`${release}/messages/amqp/`)) {
      if (LOST_IN_JSON.test(path) || LOST_IN_OLD_JSON.test(path)) continue
      for (const { headers, properties, body } of vector.messages ?? []) {
        if (headers?.argsrepr === undefined || headers.compression !== undefined) continue
        const parts = bodyOf(properties.content_type, body)
        if (parts === undefined) continue
        assert.deepEqual(
          [argsrepr(itemsOf(parts[0])), kwargsrepr(parts[1])],
          [headers.argsrepr, headers.kwargsrepr],
          path,
        )
        compared++
      }
    }
  }
  assert.ok(compared > 200)
})

interface Body {
  readonly text?: string
  readonly base64?: string
}

type Parts = readonly [unknown, Readonly<Record<string, unknown>>]

/** Args and kwargs of a body in JSON or pickle; what they are is what encodeTask of Celery made. */
function bodyOf(contentType: string, { text, base64 }: Body): Parts | undefined {
  if (contentType === 'application/json') return parseJson(text ?? '', { exact: true }) as Parts
  if (contentType !== 'application/x-python-serialize') return undefined
  const body = unpickle(Buffer.from(base64 ?? '', 'base64'), { tuples: true })
  return itemsOf(body) as unknown as Parts
}

function itemsOf(value: unknown): readonly unknown[] {
  return value instanceof Tuple ? value.items : (value as readonly unknown[])
}

test('every JSON body of Python, parsed exactly, is printed with the same values', () => {
  for (const release of ['celery-5.2.6', 'celery-5.6.2']) {
    for (const { path, vector } of vectors(`${release}/messages/amqp/`)) {
      for (const { properties, body, headers } of vector.messages ?? []) {
        if (
          properties?.content_type !== 'application/json' ||
          body.text === undefined ||
          headers?.compression !== undefined
        )
          continue
        assert.equal(printJson(parseJson(body.text, { exact: true })), compact(body.text), path)
      }
    }
  }
})

/** Python's text with our spacing, escapes and exponents (`1e-07`). */
function compact(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+|e-0/g, token => {
    if (token === 'e-0') return 'e-'
    return token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : ''
  })
}

function isEscaped(repr: string): boolean {
  return /\\|"/.test(repr) && OTHER_FORMS[repr] === undefined
}
