import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planPool } from './create-pool.js'

for (const [name, kind, size] of [
  ['inline', 'inline', 8],
  ['eventlet', 'inline', 8],
  ['gevent', 'inline', 8],
  ['solo', 'inline', 1],
  ['threads', 'threads', 8],
  ['prefork', 'prefork', 8],
  ['processes', 'prefork', 8],
] as const) {
  test(`pool ${name} is the ${kind} pool with ${size} of 8 slots`, () => {
    assert.deepEqual(planPool(name, 8), { kind, size })
  })
}

for (const name of ['', 'fork', 'constructor', '__proto__']) {
  test(`there is no pool '${name}', and the error says which there are`, () => {
    assert.throws(() => planPool(name, 8), { code: 'LVG_POOL', message: /inline/ })
  })
}
