import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { deferred } from '../../src/lib/deferred.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import type { FromChild } from '../../src/pools/child-protocol.js'
import { startProcess } from '../../src/pools/prefork/start-process.js'

test('D60 what a child said before it died is heard, though its parent wrote to it before it read that', async () => {
  const module = new URL('./children/last-words.js', import.meta.url)
  const start = startProcess({ module, clock: nodeRuntime().clock, lostWait: 30_000 })
  const alive = deferred()
  const gone = deferred<string>()
  const heard: FromChild[] = []
  const child = start({
    received: message => {
      heard.push(message as FromChild)
      alive.resolve()
    },
    garbled: error => assert.fail(String(error)),
    ended: exit => gone.resolve(exit),
  })
  await alive.promise
  child.send({ kind: 'recall' })
  // This loop stands still, as on a machine that has no time for it, until the child is certainly gone.
  while (isThere(child.id)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  for (let i = 0; i < 3; i++) child.send({ kind: 'recall' })
  assert.equal(await gone.promise, 'exitcode 7')
  assert.equal(heard.length, 101)
})

/** Nobody has waited for it, so it is a zombie when it is gone. */
function isThere(pid: number): boolean {
  return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
}
