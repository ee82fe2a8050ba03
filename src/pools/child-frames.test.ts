import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameReader, MAX_FRAME_BYTES, toFrame } from './child-frames.js'

const MESSAGES: readonly unknown[] = [
  { kind: 'ready' },
  { kind: 'call', text: 'ä'.repeat(70), members: [1.5, null, { deep: [] }] },
  { value: new Date(5), bytes: Buffer.from('abc'), big: 2n ** 80n, text: 'ä'.repeat(300) },
  null,
]

function readInPieces(bytes: Uint8Array, size: number): readonly unknown[] {
  const reader = new FrameReader()
  const read: unknown[] = []
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size), one => read.push(one))
  return read
}

for (const size of [1, 2, 3, 5, 64, 100_000]) {
  test(`frames that come in pieces of ${size} bytes are read whole and in order`, () => {
    assert.deepEqual(
      readInPieces(Buffer.concat(MESSAGES.map(message => Buffer.from(toFrame(message)))), size),
      MESSAGES,
    )
  })
}

test('L21 a frame that announces more than 128 MiB is refused before anything is kept for it', () => {
  const header = Buffer.from(`j${(MAX_FRAME_BYTES + 1).toString(16).padStart(8, '0')}{}`)
  for (const size of [1, 11])
    assert.throws(() => readInPieces(header, size), { code: 'LVG_POOL_FRAME', message: /134217729/ })
})

test('L21 a message of more than 128 MiB is refused at the sender', () => {
  assert.throws(() => toFrame(Buffer.alloc(MAX_FRAME_BYTES + 1)), { code: 'LVG_ENCODE_TOO_LARGE' })
})

test('what is no frame cannot be read', () => {
  for (const text of ['j00000003abc', 'v00000003abc', 'GET / HTTP/1.1', 'j-0000003abc']) {
    assert.throws(() => readInPieces(Buffer.from(text), 20), { code: 'LVG_POOL_FRAME' })
  }
})

test('what cannot be cloned is refused at the sender', () => {
  assert.throws(() => toFrame({ f: () => 1 }), { code: 'LVG_ENCODE' })
})
