import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHealthAddress } from './health-address.js'

const ADDRESSES = [
  ['9100', '127.0.0.1', 9100],
  [':9100', '127.0.0.1', 9100],
  ['0.0.0.0:0', '0.0.0.0', 0],
  ['localhost:80', 'localhost', 80],
  ['[::1]:9100', '::1', 9100],
] as const

for (const [text, host, port] of ADDRESSES) {
  test(`the health address ${text} is ${host}, port ${port}`, () => {
    assert.deepEqual(parseHealthAddress(text), { host, port })
  })
}

for (const text of ['', 'localhost', '65536', '-1', '::1:9100', 'http://x:1', 'a b:1', '1:2:3', '1e3']) {
  test(`${JSON.stringify(text)} is no health address`, () => {
    assert.throws(() => parseHealthAddress(text), { code: 'LVG_HEALTH_ADDRESS' })
  })
}
