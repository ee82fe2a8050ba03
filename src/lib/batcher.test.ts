import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batcher, type BatcherOptions } from './batcher.js'
import { type Deferred, deferred } from './deferred.js'

interface Sent {
  readonly questions: readonly string[]
  readonly answers: Deferred<readonly string[]>
}

/** A batcher whose batches a test answers by hand. */
function byHand(options: Partial<BatcherOptions<string, string, string>> = {}) {
  const sent: Sent[] = []
  const batcher = new Batcher<string, string, string>({
    maxCount: 100,
    send(questions) {
      const answers = deferred<readonly string[]>()
      sent.push({ questions, answers })
      return answers.promise
    },
    answer: (_question, raw) => raw,
    abandoned: (phase, cause) =>
      Promise.reject(new Error(`${phase}: ${cause instanceof Error ? cause.message : cause}`)),
    ...options,
  })
  return { batcher, sent }
}

/** One that answers at once, `a` with `A`. */
function atOnce(options: Partial<BatcherOptions<string, string, string>> = {}) {
  const batches: (readonly string[])[] = []
  const made = byHand({
    send: async questions => {
      batches.push(questions)
      return questions.map(question => question.toUpperCase())
    },
    ...options,
  })
  return { batcher: made.batcher, batches }
}

/** Everything that is ready has run, the end of the turn included. */
function restOfTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

test('what one turn asks for leaves in one batch, in order, and each asker gets its own answer', async () => {
  const { batcher, batches } = atOnce()
  const answers = await Promise.all([batcher.ask('a'), batcher.ask('b'), batcher.ask('c')])
  assert.deepEqual(batches, [['a', 'b', 'c']])
  assert.deepEqual(answers, ['A', 'B', 'C'])
})

test('questions asked by microtasks that were already queued go along', async () => {
  const { batcher, batches } = atOnce()
  const later = Promise.resolve().then(() => batcher.ask('b'))
  await Promise.all([batcher.ask('a'), later])
  assert.deepEqual(batches, [['a', 'b']])
})

test('questions that come while a batch is under way leave together after it', async () => {
  const { batcher, sent } = byHand()
  const first = batcher.ask('a')
  await restOfTurn()
  const others = [batcher.ask('b'), batcher.ask('c')]
  await restOfTurn()
  assert.equal(sent.length, 1)
  sent[0]?.answers.resolve(['A'])
  assert.equal(await first, 'A')
  await restOfTurn()
  sent[1]?.answers.resolve(['B', 'C'])
  assert.deepEqual(await Promise.all(others), ['B', 'C'])
})

test('promises resolve in the order of asking', async () => {
  const { batcher } = atOnce({ maxCount: 2 })
  const order: string[] = []
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(text => batcher.ask(text).then(answer => order.push(answer))))
  assert.deepEqual(order, ['A', 'B', 'C', 'D', 'E'])
})

test('L20 a batch is cut at the largest count', async () => {
  const { batcher, batches } = atOnce({ maxCount: 2 })
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(text => batcher.ask(text)))
  assert.deepEqual(batches, [['a', 'b'], ['c', 'd'], ['e']])
})

test('L20 a batch is cut at the largest weight, and a question heavier than that travels alone', async () => {
  const { batcher, batches } = atOnce({ maxWeight: 4, weigh: question => question.length })
  await Promise.all(['aa', 'bb', 'c', 'dddddd', 'e'].map(text => batcher.ask(text)))
  assert.deepEqual(batches, [['aa', 'bb'], ['c'], ['dddddd'], ['e']])
})

test('a failed batch fails only those who were in it', async () => {
  const { batcher, sent } = byHand()
  const first = batcher.ask('a')
  await restOfTurn()
  const second = batcher.ask('b')
  sent[0]?.answers.reject(new Error('no answer'))
  await assert.rejects(first, { message: 'under-way: no answer' })
  await restOfTurn()
  sent[1]?.answers.resolve(['B'])
  assert.equal(await second, 'B')
})

test('the end tells apart what was under way, what waited, and what came too late', async () => {
  const { batcher } = byHand()
  const fates = [batcher.ask('a')]
  await restOfTurn()
  fates.push(batcher.ask('b'))
  batcher.end(new Error('gone'))
  fates.push(batcher.ask('c'))
  const reasons = (await Promise.allSettled(fates)).map(fate => fate.status === 'rejected' && fate.reason.message)
  assert.deepEqual(reasons, ['under-way: gone', 'waiting: gone', 'waiting: gone'])
})

test('an answer that comes after the end is dropped', async () => {
  const heard: string[] = []
  const { batcher, sent } = byHand({
    answer: (_question, raw) => {
      heard.push(raw)
      return raw
    },
  })
  const asked = batcher.ask('a')
  await restOfTurn()
  batcher.end(new Error('gone'))
  sent[0]?.answers.resolve(['A'])
  await assert.rejects(asked, { message: 'under-way: gone' })
  await restOfTurn()
  assert.deepEqual(heard, [])
})

test('a question whose signal fires before it left is never sent', async () => {
  const { batcher, sent } = byHand({ maxCount: 1 })
  const stop = new AbortController()
  const first = batcher.ask('a')
  const given = batcher.ask('b', stop.signal)
  const last = batcher.ask('c')
  await restOfTurn()
  stop.abort(new Error('no time'))
  await assert.rejects(given, { message: 'waiting: no time' })
  sent[0]?.answers.resolve(['A'])
  await first
  await restOfTurn()
  sent[1]?.answers.resolve(['C'])
  assert.equal(await last, 'C')
})

test('a question whose signal fires under way is given up, and its answer still counted', async () => {
  const heard: string[] = []
  const { batcher, sent } = byHand({
    answer: (_question, raw) => {
      heard.push(raw)
      return Promise.reject(new Error('refused'))
    },
  })
  const stop = new AbortController()
  const given = batcher.ask('a', stop.signal)
  await restOfTurn()
  stop.abort(new Error('no time'))
  await assert.rejects(given, { message: 'under-way: no time' })
  sent[0]?.answers.resolve(['A'])
  await restOfTurn()
  assert.deepEqual(heard, ['A'])
})

test('draining waits for what waits and what is under way', async () => {
  const { batcher, sent } = byHand({ maxCount: 1 })
  const asked = [batcher.ask('a'), batcher.ask('b')]
  let drained = false
  const drain = batcher.drain().then(() => {
    drained = true
  })
  await restOfTurn()
  sent[0]?.answers.resolve(['A'])
  await restOfTurn()
  assert.equal(drained, false)
  sent[1]?.answers.resolve(['B'])
  await drain
  assert.deepEqual(await Promise.all(asked), ['A', 'B'])
  await batcher.drain()
})
