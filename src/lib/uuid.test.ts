import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Random } from './runtime.js'
import { LOVAGE_NAMESPACE, uuid4, uuid5 } from './uuid.js'

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
const URL_SPACE = '6ba7b811-9dad-11d1-80b4-00c04fd430c8'
const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

function filled(byte: number): Random {
  return { next: () => 0, bytes: n => new Uint8Array(n).fill(byte) }
}

test('a name in a namespace has the id that RFC 9562 gives (A.4)', () => {
  assert.equal(uuid5(DNS, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
})

test('ids of names agree with those of Python', () => {
  // uuid.uuid5(uuid.NAMESPACE_DNS, 'python.org'), from the documentation of Python's uuid module.
  assert.equal(uuid5(DNS, 'python.org'), '886313e1-3b8a-5372-9b90-0c9aee199e5d')
})

test('names are taken as UTF-8', () => {
  // python3 -c "import uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, 'https://example.org/ü/🌿'))"
  assert.equal(uuid5(URL_SPACE, 'https://example.org/ü/🌿'), 'a2e15b8e-e283-5670-b868-0ee937f99ac2')
})

test('the same name in two namespaces has two ids', () => {
  assert.notEqual(uuid5(DNS, 'a'), uuid5(LOVAGE_NAMESPACE, 'a'))
  assert.match(LOVAGE_NAMESPACE, SHAPE)
})

test('a random id has the example bytes of RFC 9562 (A.3) where they are free', () => {
  const bytes = Uint8Array.from(Buffer.from('919108f752d153205bacf847db4148a8', 'hex'))
  const random: Random = { next: () => 0, bytes: () => bytes }
  assert.equal(uuid4(random), '919108f7-52d1-4320-9bac-f847db4148a8')
})

test('version and variant are set whatever the bytes', () => {
  assert.equal(uuid4(filled(0x00)), '00000000-0000-4000-8000-000000000000')
  assert.equal(uuid4(filled(0xff)), 'ffffffff-ffff-4fff-bfff-ffffffffffff')
})
