import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, constants, deflateSync } from 'node:zlib'
import { createCodec } from '../../src/protocol/create-codec.js'
import { encodeResult } from '../../src/protocol/encode-result.js'
import { EncodeError, ResultTooLargeError } from '../../src/protocol/errors.js'
import { exceptionInfoOf } from '../../src/protocol/exception.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js'
import { argsrepr } from '../../src/protocol/python-repr.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'

/* The numbers of the manual, at their real size. */

const codec = createCodec({ accept: ['json'], serializer: 'json' })
const MIB = 1024 * 1024
const JSON_TYPE = { contentType: 'application/json', contentEncoding: 'utf-8' } as const

function read(body: Uint8Array, compression?: string): string {
  const decoded = codec.decode({ ...JSON_TYPE, compression, body })
  return decoded.kind === 'value' ? 'value' : decoded.reason
}

/** A JSON text of exactly so many bytes. */
function textOf(bytes: number): string {
  return 'x'.repeat(bytes - 2)
}

describe('L01 16 MiB', () => {
  for (const [bytes, fits] of [
    [16 * MIB - 1, true],
    [16 * MIB, true],
    [16 * MIB + 1, false],
  ] as const) {
    test(`a message of ${bytes} bytes ${fits ? 'is written and read' : 'is refused on both sides'}`, () => {
      assert.equal(read(Buffer.from(`"${textOf(bytes)}"`)), fits ? 'value' : 'too-large')
      if (fits) codec.encode(textOf(bytes))
      else assert.throws(() => codec.encode(textOf(bytes)), new RegExp(`${bytes} bytes.*${16 * MIB}`))
    })
  }
})

describe('L02 64 MiB after decompression', () => {
  const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }
  for (const [bytes, expected] of [
    [64 * MIB - 1, 'value'],
    [64 * MIB, 'value'],
    [64 * MIB + 1, 'too-large'],
    [256 * MIB, 'too-large'],
  ] as const) {
    test(`a body of ${bytes} bytes is ${expected === 'value' ? 'read' : 'refused'}`, () => {
      const body = Buffer.alloc(bytes, 'x')
      body[0] = 0x22
      body[bytes - 1] = 0x22
      assert.equal(read(deflateSync(body, { level: 1 }), 'gzip'), expected)
      assert.equal(read(brotliCompressSync(body, quickly), 'brotli'), expected)
    })
  }
})

describe('L04 512 levels, 2,000,000 values', () => {
  for (const [levels, expected] of [
    [511, 'value'],
    [512, 'value'],
    [513, 'malformed'],
    [1_000_000, 'malformed'],
  ] as const) {
    test(`${levels} levels: ${expected}`, () => {
      assert.equal(read(Buffer.from('['.repeat(levels) + ']'.repeat(levels))), expected)
    })
  }

  for (const [count, fits] of [
    [1_999_998, true],
    [1_999_999, true],
    [2_000_000, false],
  ] as const) {
    test(`a list of ${count} values ${fits ? 'is written and read' : 'is refused on both sides'}`, () => {
      const list = Array(count).fill(0)
      assert.equal(read(Buffer.from(JSON.stringify(list))), fits ? 'value' : 'too-large')
      if (fits) codec.encode(list)
      else assert.throws(() => codec.encode(list), EncodeError)
    })
  }
})

describe('L12 a result of 16 MiB', () => {
  const meta = (bytes: number): ResultMeta => ({
    taskId: 'a' as TaskId,
    status: 'SUCCESS',
    result: 'x'.repeat(bytes),
    error: undefined,
    traceback: undefined,
    children: [],
    dateDone: undefined,
  })
  // Small limits: at its real size the codec's own limit, which is the same, is met first.
  const around = encodeResult(meta(0), codec).length
  for (const [bytes, fits] of [
    [999, true],
    [1000, true],
    [1001, false],
  ] as const) {
    test(`${bytes} bytes of 1000 ${fits ? 'are stored' : 'are refused with their size'}`, () => {
      const store = (): Uint8Array =>
        encodeResult(meta(bytes - around), codec, { limits: { ...DEFAULT_LIMITS, resultBytes: 1000 } })
      if (fits) assert.equal(store().length, bytes)
      else
        assert.throws(
          store,
          (error: unknown) => error instanceof ResultTooLargeError && /1001.*1000/.test(error.message),
        )
    })
  }

  test('at its real size it is refused by a typed error', () => {
    assert.throws(() => encodeResult(meta(16 * MIB), codec), EncodeError)
  })
})

describe('L13 errors and reprs are cut', () => {
  for (const [bytes, isCut] of [
    [8191, false],
    [8192, false],
    [8193, true],
  ] as const) {
    test(`a message of ${bytes} bytes is ${isCut ? 'cut' : 'kept'}`, () => {
      const { error } = exceptionInfoOf(new Error('x'.repeat(bytes)))
      const message = String(error.args[0])
      assert.equal(message === 'x'.repeat(bytes), !isCut)
      assert.ok(message.length < 8192 + 100)
    })
  }

  for (const [bytes, isCut] of [
    [64 * 1024 - 1, false],
    [64 * 1024, false],
    [64 * 1024 + 1, true],
  ] as const) {
    test(`a stack of ${bytes} bytes is ${isCut ? 'cut' : 'kept'}`, () => {
      const failure = new Error('e')
      failure.stack = 's'.repeat(bytes)
      const { traceback = '' } = exceptionInfoOf(failure)
      assert.equal(traceback.length === bytes, !isCut)
      assert.ok(traceback.length < 64 * 1024 + 100)
    })
  }

  test('a repr has at most 1024 characters, and the mark of the cut', () => {
    for (const length of [1024, 5000, 1_000_000])
      assert.equal(argsrepr(['y'.repeat(length)]).length, 1034, String(length))
    for (const length of [500, 1019]) assert.equal(argsrepr(['y'.repeat(length)]).length, length + 5)
  })
})
