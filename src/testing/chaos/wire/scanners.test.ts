import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AmqpScanner } from './amqp-scanner.js'
import { PostgresScanner } from './postgres-scanner.js'
import { RespScanner, RespScripts } from './resp-scanner.js'
import type { Direction, WireScanner } from './wire-unit.js'

/** What a scanner makes of bytes that come in portions of `portion`: names at their beginnings and ends, and all the bytes. */
function scan(scanner: WireScanner, direction: Direction, bytes: Buffer, portion: number) {
  const units: string[] = []
  const passed: Buffer[] = []
  for (let at = 0; at < bytes.length; at += portion) {
    for (const piece of scanner.feed(direction, bytes.subarray(at, at + portion))) {
      passed.push(piece.bytes)
      if (piece.begins !== undefined && piece.begins === piece.ends)
        units.push(`${piece.begins.name} ${piece.begins.text}`)
      else if (piece.begins !== undefined) units.push(`<${piece.begins.name} ${piece.begins.text}`)
      else if (piece.ends !== undefined) units.push(`${piece.ends.name}>`)
    }
  }
  return { units: units.map(unit => unit.trim()), bytes: Buffer.concat(passed) }
}

function frame(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([0xce])])
}

function method(channel: number, group: number, id: number, rest: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(group, 0)
  head.writeUInt16BE(id, 2)
  return frame(1, channel, Buffer.concat([head, rest]))
}

function contentHeader(channel: number, size: number): Buffer {
  const payload = Buffer.alloc(14)
  payload.writeUInt16BE(60, 0)
  payload.writeBigUInt64BE(BigInt(size), 4)
  return frame(2, channel, payload)
}

const short = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])

const PUBLISH = (channel: number): Buffer =>
  method(channel, 60, 40, Buffer.concat([Buffer.alloc(2), short('ex'), short('key'), Buffer.alloc(1)]))

for (const portion of [1, 7, 100_000]) {
  test(`AMQP in portions of ${portion}: a publish ends with its content, also when channels mix`, () => {
    const bytes = Buffer.concat([
      Buffer.from('AMQP\0\0\x09\x01', 'latin1'),
      PUBLISH(1),
      contentHeader(1, 6),
      PUBLISH(2),
      frame(3, 1, Buffer.from('abc')),
      contentHeader(2, 0),
      frame(3, 1, Buffer.from('def')),
      frame(8, 0, Buffer.alloc(0)),
      method(1, 60, 80, Buffer.alloc(9)),
    ])
    const scanned = scan(new AmqpScanner(), 'up', bytes, portion)
    assert.deepEqual(scanned.units, [
      'protocol-header',
      '<basic.publish ex key',
      '<basic.publish ex key',
      'basic.publish>',
      'basic.publish>',
      'heartbeat',
      'basic.ack',
    ])
    assert.deepEqual(scanned.bytes, bytes)
  })

  test(`RESP in portions of ${portion}: replies have the names of their commands, pushes their own`, () => {
    const scanner = new RespScanner(new RespScripts())
    const up = Buffer.from(
      '*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$8\r\nreturn 1\r\n' +
        '*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n*3\r\n$7\r\nevalsha\r\n$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n$1\r\n0\r\n',
    )
    assert.deepEqual(scan(scanner, 'up', up, portion).units, [
      'GET a',
      'SCRIPT LOAD return 1',
      'SUBSCRIBE c',
      'EVALSHA return 1 e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0',
    ])
    const down = Buffer.from(
      '$-1\r\n$2\r\nab\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n%1\r\n+a\r\n*2\r\n:1\r\n#t\r\n',
    )
    const scanned = scan(scanner, 'down', down, portion)
    assert.deepEqual(scanned.units, [
      'reply:GET',
      'reply:SCRIPT ab',
      'push:subscribe subscribe c 1',
      'push:invalidate invalidate k',
      'reply:EVALSHA a 1 t',
    ])
    assert.deepEqual(scanned.bytes, down)
  })

  test(`PostgreSQL in portions of ${portion}: requests for encryption, the start, and messages with what they say`, () => {
    const scanner = new PostgresScanner()
    const message = (type: string, text: string): Buffer => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(Buffer.byteLength(text) + 4)
      return Buffer.concat([Buffer.from(type), head, Buffer.from(text)])
    }
    const opening = (code: number): Buffer => {
      const bytes = Buffer.alloc(8)
      bytes.writeInt32BE(8, 0)
      bytes.writeInt32BE(code, 4)
      return bytes
    }
    assert.deepEqual(scan(scanner, 'up', opening(80877103), portion).units, ['SSLRequest'])
    assert.deepEqual(scan(scanner, 'down', Buffer.from('N'), portion).units, ['EncryptionResponse N'])
    const up = Buffer.concat([opening(196608), message('Q', 'begin\0'), message('Q', 'commit\0'), message('X', '')])
    assert.deepEqual(scan(scanner, 'up', up, portion).units, ['Startup', 'Query begin', 'Query commit', 'Terminate'])
    const down = Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T'), message('C', 'COMMIT\0')])
    const scanned = scan(scanner, 'down', down, portion)
    assert.deepEqual(scanned.units, ['CommandComplete BEGIN', 'ReadyForQuery', 'CommandComplete COMMIT'])
    assert.deepEqual(scanned.bytes, down)
  })
}

test('what is not understood is passed on whole, and for ever', () => {
  const garbage = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const scanners: readonly (readonly [WireScanner, Direction])[] = [
    [new AmqpScanner(), 'up'],
    [new AmqpScanner(), 'down'],
    [new RespScanner(new RespScripts()), 'up'],
    [new PostgresScanner(), 'up'],
    [new PostgresScanner(), 'down'],
  ]
  for (const [scanner, direction] of scanners) {
    assert.deepEqual(scan(scanner, direction, garbage, 5).bytes, garbage)
    assert.deepEqual(scan(scanner, direction, garbage, 100).bytes, garbage)
  }
})

test('after the switch to TLS bytes pass as they come', () => {
  const scanner = new PostgresScanner()
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(8, 0)
  bytes.writeInt32BE(80877103, 4)
  scan(scanner, 'up', bytes, 8)
  assert.deepEqual(scan(scanner, 'down', Buffer.from('S'), 1).units, ['EncryptionResponse S'])
  const tls = Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 0x01])
  assert.deepEqual(scan(scanner, 'up', tls, 2).bytes, tls)
})
