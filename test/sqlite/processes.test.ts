import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { Child, connect, eventually, publish, QUEUE, textOf } from '../support/brokers/sqlite-rig.js'

/* Real processes on one file. */

test('D01 D20 many processes publish and consume one file: every accepted message arrives, each once', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  const workers = [new Child('worker', path), new Child('worker', path)]
  for (const worker of workers) assert.equal(await worker.line(), 'ready')
  const publishers = ['a', 'b', 'c'].map(name => new Child('publisher', path, name, '100'))
  const accepted = (await Promise.all(publishers.map(allLines))).flat().flatMap(line => line.split(' '))
  const received: string[] = []
  const reading = workers.map(async worker => {
    for (let line = await worker.line(); line !== undefined; line = await worker.line()) received.push(line)
  })
  await using watcher = await connect(path)
  await eventually('an empty queue', async () => {
    const { ready, held } = await watcher.connection.stats(QUEUE)
    return ready + held === 0 ? true : undefined
  })
  for (const worker of workers) worker.process.stdin?.end()
  await Promise.all(reading)
  assert.equal(accepted.length, 300)
  assert.deepEqual([...received].sort(), [...accepted].sort())
})

test('D3b the messages of a killed process are ready again within 2 s, in their old place, counted as a fault', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path)
  for (const text of ['0', '1']) await publish(rig.connection, text)
  await using holder = new Child('holder', path)
  assert.equal(await holder.line(), 'held 0 1')
  await publish(rig.connection, '2')
  holder.kill('SIGKILL')
  const killedAt = performance.now()
  await eventually('the messages', async () => ((await rig.connection.stats(QUEUE)).ready === 3 ? true : undefined))
  // Its lease would have run for 20 s: only the look at the process can be this quick.
  assert.ok(performance.now() - killedAt < 10_000)
  const deliveries = await rig.connection.get(QUEUE, 10)
  assert.deepEqual(
    deliveries.map(delivery => [textOf(delivery), delivery.faults, delivery.redelivered]),
    [
      ['0', 1, true],
      ['1', 1, true],
      ['2', 0, false],
    ],
  )
})

test('D24 a process that blocks its event loop for many lease lengths keeps its messages', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path, { sweepMs: 50 })
  await publish(rig.connection, 'x')
  await using holder = new Child('holder', path, 'block', '5000', '1000', '200')
  assert.equal(await holder.line(), 'held x')
  const robbed = eventually(
    'a robbery',
    async () => {
      const [delivery] = await rig.connection.get(QUEUE, 1)
      return delivery
    },
    4500,
  )
  await assert.rejects(robbed, /in vain/)
  assert.equal(await holder.line(), 'suspect false acks settled')
})

test('F05 a process that stood still beyond its lease is robbed, and its late ack is stale', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path, { sweepMs: 50 })
  await publish(rig.connection, 'x')
  await using holder = new Child('holder', path, 'block', '2500', '1000', '60000')
  assert.equal(await holder.line(), 'held x')
  // It has no renewal to do, so it does not stop in the middle of one, with the file's lock in its hands.
  holder.kill('SIGSTOP')
  const again = await eventually('the message', async () => (await rig.connection.get(QUEUE, 1))[0])
  holder.kill('SIGCONT')
  assert.equal(await holder.line(), 'suspect true acks stale')
  assert.equal(await again.ack(), 'settled')
})

test('F01 consumers killed one after another lose nothing, and repeat no more than what they held', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path)
  const texts = Array.from({ length: 200 }, (_, i) => String(i))
  await Promise.all(texts.map(text => publish(rig.connection, text)))
  const received: string[] = []
  const kills = 4
  for (let kill = 0; kill < kills; kill++) {
    await using worker = new Child('worker', path)
    assert.equal(await worker.line(), 'ready')
    for (let i = 0; i < 25; i++) received.push((await worker.line()) ?? '')
    worker.kill()
    // It tells before it acks, so what it acked can still be read.
    received.push(...(await allLines(worker)))
  }
  const worker = new Child('worker', path)
  await eventually('an empty queue', async () => {
    const { ready, held } = await rig.connection.stats(QUEUE)
    return ready + held === 0 ? true : undefined
  })
  worker.process.stdin?.end()
  received.push(...(await allLines(worker)).slice(1))
  assert.deepEqual(new Set(received), new Set(texts))
  // Each prefetches ten.
  assert.ok(received.length <= texts.length + kills * 10, `${received.length} received`)
})

test('queues that belong to a process, or that only it consumed, go when it is killed', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  await using rig = await connect(path)
  await using owner = new Child('owner', path)
  assert.equal(await owner.line(), 'declared')
  const names = async (): Promise<string[]> => (await rig.connection.list()).map(stats => stats.queue).sort()
  assert.deepEqual(await names(), ['consumed', 'exclusive', 'mailbox', 'tasks'])
  owner.kill()
  await eventually('the queues to go', async () => ((await names()).length === 1 ? true : undefined))
  assert.deepEqual(await names(), ['tasks'])
})

test('a client with nothing pending lets its process end by itself, and nothing is lost', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  const child = new Child('publisher', path, 'p', '3')
  assert.equal(await child.line(), 'p-0 p-1 p-2')
  assert.equal(await child.ended(), 0)
  await using rig = await connect(path)
  assert.deepEqual((await rig.connection.get(QUEUE, 10)).map(textOf), ['p-0', 'p-1', 'p-2'])
})

async function allLines(child: Child): Promise<string[]> {
  const lines: string[] = []
  for (let line = await child.line(); line !== undefined; line = await child.line()) lines.push(line)
  return lines
}
