import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import { briefContexts } from './brief-contexts.js'

test('a brief context is seen until the function returns or first waits, and by nobody else', async () => {
  const storage = new AsyncLocalStorage<string>()
  using _brief = briefContexts()
  const seen: (string | undefined)[] = []
  const run = storage.run('outer', async () => {
    seen.push(storage.getStore())
    storage.run('inner', () => void seen.push(storage.getStore()))
    seen.push(storage.getStore())
    await undefined
    seen.push(storage.getStore())
  })
  seen.push(storage.getStore())
  await run
  assert.deepEqual(seen, ['outer', 'inner', 'outer', undefined, undefined])
})

test('a brief context ends with a function that throws', () => {
  const storage = new AsyncLocalStorage<string>()
  using _brief = briefContexts()
  assert.throws(() => storage.run('lost', () => assert.fail('on purpose')), /on purpose/)
  assert.equal(storage.getStore(), undefined)
})

test('a context that was set before brief ones began is seen among them, and contexts are whole again after them', async () => {
  const storage = new AsyncLocalStorage<string>()
  await storage.run('before', async () => {
    const brief = briefContexts()
    await undefined
    assert.equal(storage.getStore(), 'before')
    brief[Symbol.dispose]()
    await storage.run('after', async () => {
      await undefined
      assert.equal(storage.getStore(), 'after')
    })
  })
})
