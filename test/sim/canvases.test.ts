import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild } from './child.js'

const CANVASES = 500

test(`H53 ${CANVASES} random canvases under faults, revokes and duplicates come to what they mean, and nobody waits for ever`, async () => {
  const { code, output } = await runChild('canvases/share.js', ['--from', '1', '--count', String(CANVASES)])
  assert.equal(code, 0, output)
})
