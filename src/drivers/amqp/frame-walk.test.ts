import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameWalk } from './frame-walk.js'

const GREETING = Buffer.from('AMQP\0\0\u0009\u0001', 'latin1')

function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(8 + payload.length)
  bytes.writeUInt8(type, 0)
  bytes.writeUInt16BE(channel, 1)
  bytes.writeUInt32BE(payload.length, 3)
  bytes.set(payload, 7)
  bytes.writeUInt8(0xce, bytes.length - 1)
  return bytes
}

/** `connection.tune-ok`: 2,047 channels, frames of 128 KiB. */
function tuneOk(heartbeat: number): Buffer {
  const payload = Buffer.alloc(12)
  payload.writeUInt32BE(0x000a_001f, 0)
  payload.writeUInt16BE(2047, 4)
  payload.writeUInt32BE(131_072, 6)
  payload.writeUInt16BE(heartbeat, 10)
  return frame(1, 0, payload)
}

const CONVERSATION: readonly Buffer[] = [
  GREETING,
  frame(1, 0, Buffer.alloc(300, 7)),
  tuneOk(60),
  frame(1, 1, Buffer.alloc(12, 1)),
  frame(3, 1, Buffer.alloc(0)),
  frame(3, 1, Buffer.alloc(5000, 9)),
  frame(8, 0, Buffer.alloc(0)),
]

test('byte by byte, it stands between two frames exactly at their ends', () => {
  const walk = new FrameWalk()
  const ends = new Set<number>()
  let at = 0
  for (const part of CONVERSATION) {
    at += part.length
    ends.add(at)
  }
  for (const [index, byte] of Buffer.concat(CONVERSATION).entries()) {
    walk.feed(Uint8Array.of(byte))
    assert.equal(walk.between, ends.has(index + 1), `after byte ${index}`)
  }
})

test('pieces of any size give the same', () => {
  const all = Buffer.concat(CONVERSATION)
  for (const size of [2, 7, 8, 19, 64, 1000, all.length]) {
    const walk = new FrameWalk()
    for (let at = 0; at < all.length; at += size) walk.feed(all.subarray(at, at + size))
    assert.equal(walk.between, true, `pieces of ${size}`)
    assert.equal(walk.heartbeat, 60, `pieces of ${size}`)
  }
})

test('the heartbeat is known once the client has told it, and not taken from what looks like it later', () => {
  const walk = new FrameWalk()
  walk.feed(GREETING)
  assert.equal(walk.heartbeat, undefined)
  walk.feed(tuneOk(7))
  assert.equal(walk.heartbeat, 7)
  walk.feed(frame(3, 0, tuneOk(99).subarray(7, 19)))
  walk.feed(tuneOk(99))
  assert.equal(walk.heartbeat, 7)
})

test('a heartbeat of 0 is one that is told', () => {
  const walk = new FrameWalk()
  walk.feed(Buffer.concat([GREETING, tuneOk(0)]))
  assert.equal(walk.heartbeat, 0)
})
