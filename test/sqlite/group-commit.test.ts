import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Database, type Durability } from '../../src/drivers/sqlite/database.js'
import { openThreadHost } from '../../src/drivers/sqlite/thread-host.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { connect, publish } from '../support/brokers/sqlite-rig.js'
import type { CountingOperations } from './children/counting-operations.js'

const MODULE = new URL('./children/counting-operations.js', import.meta.url)

function openCounting(path: string, durability: Durability = 'os') {
  return openThreadHost<undefined, CountingOperations>({ path, durability, config: undefined, module: MODULE })
}

test('D12 what one turn asks for shares one transaction, and each answer comes after its commit', async () => {
  using folder = temporaryFolder()
  await using host = await openCounting(join(folder.path, 'n.db'))
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => host.call('add', i)))
  assert.deepEqual(
    answers,
    Array.from({ length: 50 }, (_, i) => i + 1),
  )
  assert.deepEqual(await host.call('commits', undefined), 1)
})

test('D12 what comes while the thread is busy leaves together as the next transaction', async () => {
  using folder = temporaryFolder()
  await using host = await openCounting(join(folder.path, 'n.db'))
  const first = host.call('add', 0)
  await new Promise(resolve => setImmediate(resolve))
  const later = Array.from({ length: 20 }, (_, i) => host.call('add', i))
  await Promise.all([first, ...later])
  assert.deepEqual(await host.call('commits', undefined), 2)
})

test('D12 a commit waits for the disk unless everything in it may be lost with the power', async () => {
  using folder = temporaryFolder()
  await using host = await openCounting(join(folder.path, 'n.db'), 'full')
  const [NORMAL, FULL] = [1, 2]
  assert.equal(await host.call('passing', undefined), NORMAL)
  assert.deepEqual(await Promise.all([host.call('passing', undefined), host.call('commits', undefined)]), [NORMAL, 0])
  assert.deepEqual(await Promise.all([host.call('passing', undefined), host.call('synchronous', undefined)]), [
    FULL,
    FULL,
  ])
  assert.equal(await host.call('synchronous', undefined), FULL)
})

test('one bad operation fails alone: its neighbours are run again without it', async () => {
  using folder = temporaryFolder()
  await using host = await openCounting(join(folder.path, 'n.db'))
  const settled = await Promise.allSettled([host.call('add', 1), host.call('add', -1), host.call('add', 2)])
  assert.deepEqual(
    settled.map(result => (result.status === 'fulfilled' ? result.value : result.reason.code)),
    [1, 'LVG_SQLITE_CONSTRAINT', 2],
  )
})

test('D12 a hundred publishes of one turn are one commit on disk', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path)
  const watcher = new Database(path, { durability: 'os' })
  const depths = new Set<unknown>()
  const publishing = Promise.all(Array.from({ length: 100 }, (_, i) => publish(rig.connection, String(i))))
  let done = false
  void publishing.then(() => {
    done = true
  })
  while (!done) {
    depths.add(watcher.get('SELECT count(*) AS n FROM lovage_message')?.['n'])
    await new Promise(resolve => setImmediate(resolve))
  }
  depths.add(watcher.get('SELECT count(*) AS n FROM lovage_message')?.['n'])
  watcher.close()
  assert.deepEqual([...depths], [0, 100])
})

test('a thread that ends by itself loses its host, and everything pending rejects', async () => {
  using folder = temporaryFolder()
  const host = await openCounting(join(folder.path, 'n.db'))
  await assert.rejects(host.call('die', undefined), { code: 'LVG_SQLITE_THREAD' })
  const end = await host.closed
  assert.equal(end.kind, 'lost')
  await assert.rejects(host.call('add', 1), { code: 'LVG_SQLITE_THREAD' })
  await host[Symbol.asyncDispose]()
})

test('closing answers what is pending, then refuses, and may be done twice', async () => {
  using folder = temporaryFolder()
  const host = await openCounting(join(folder.path, 'n.db'))
  const pending = host.call('add', 1)
  await Promise.all([host[Symbol.asyncDispose](), host[Symbol.asyncDispose]()])
  assert.equal(await pending, 1)
  assert.deepEqual(await host.closed, { kind: 'closed' })
  await assert.rejects(host.call('add', 1), { code: 'LVG_SQLITE_THREAD' })
})

test('a module that cannot be opened with says why', async () => {
  using folder = temporaryFolder()
  const opening = openThreadHost({
    path: join(folder.path, 'n.db'),
    durability: 'os',
    config: undefined,
    module: new URL('./children/no-such-module.js', import.meta.url),
  })
  await assert.rejects(opening, new RegExp(fileURLToPath(new URL('./children/no-such-module.js', import.meta.url))))
})
