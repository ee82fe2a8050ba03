import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { nodeRuntime } from './node-runtime.js'
import type { Clock } from './runtime.js'

const DAY = 86_400_000

/** The real clock with Node's timers and `performance` under our control. */
function controlled(t: TestContext): { readonly clock: Clock; pass(ms: number): void } {
  const time = { steady: 1000 }
  t.mock.timers.enable({ apis: ['setTimeout'] })
  t.mock.method(performance, 'now', () => time.steady)
  return {
    clock: nodeRuntime().clock,
    pass: ms => {
      time.steady += ms
      t.mock.timers.tick(ms)
    },
  }
}

test('a timer rings once, when its span is over', t => {
  const { clock, pass } = controlled(t)
  const rung: number[] = []
  clock.timer(100, () => rung.push(clock.steady()))
  pass(99)
  assert.deepEqual(rung, [])
  pass(1)
  pass(1000)
  assert.deepEqual(rung, [1100])
})

test('a timer longer than 24.8 days rings at its time, not at once', t => {
  const { clock, pass } = controlled(t)
  const rung: number[] = []
  clock.timer(60 * DAY, () => rung.push(clock.steady()))
  for (let day = 0; day < 59; day++) pass(DAY)
  assert.deepEqual(rung, [])
  pass(DAY)
  assert.deepEqual(rung, [1000 + 60 * DAY])
})

test('a long timer can be disposed at any time', t => {
  const { clock, pass } = controlled(t)
  const timer = clock.timer(60 * DAY, () => assert.fail('was disposed'))
  for (let day = 0; day < 40; day++) pass(DAY)
  timer[Symbol.dispose]()
  timer[Symbol.dispose]()
  for (let day = 0; day < 40; day++) pass(DAY)
})

test('a span of zero or less rings in the next turn', t => {
  const { clock, pass } = controlled(t)
  let rung = 0
  clock.timer(-5, () => rung++)
  assert.equal(rung, 0)
  pass(1)
  assert.equal(rung, 1)
})

test('a sleep ends at its time, or with the reason of its signal', async t => {
  const { clock, pass } = controlled(t)
  const stop = new AbortController()
  const long = clock.sleep(1000, stop.signal)
  const short = clock.sleep(10, stop.signal)
  pass(10)
  await short
  stop.abort(new Error('enough'))
  await assert.rejects(long, /enough/)
  await assert.rejects(clock.sleep(1000, stop.signal), /enough/)
})

test('the wall clock is this machine’s and the steady clock does not go back', () => {
  const { clock } = nodeRuntime()
  const before = Date.now()
  const now = clock.now()
  assert.ok(now >= before && now <= Date.now())
  const first = clock.steady()
  assert.ok(clock.steady() >= first)
})

test('random bytes are as many as asked for and never handed out twice', () => {
  const { random } = nodeRuntime()
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) seen.add(Buffer.from(random.bytes(16)).toString('hex'))
  assert.equal(seen.size, 2000)
  for (const n of [0, 1, 4096, 4097, 100_000]) assert.equal(random.bytes(n).length, n)
})

test('bytes that were handed out do not change any more', () => {
  const { random } = nodeRuntime()
  const first = random.bytes(16)
  const copy = Buffer.from(first).toString('hex')
  for (let i = 0; i < 1000; i++) random.bytes(16)
  assert.equal(Buffer.from(first).toString('hex'), copy)
})

test('random numbers stay in [0, 1) and differ', () => {
  const { random } = nodeRuntime()
  const numbers = Array.from({ length: 5000 }, () => random.next())
  assert.ok(numbers.every(number => number >= 0 && number < 1))
  assert.equal(new Set(numbers).size, 5000)
})

test('the host is this one', () => {
  const { host } = nodeRuntime()
  assert.equal(host.pid, process.pid)
  assert.ok(host.cpus >= 1)
  assert.ok(host.name.length > 0)
})

test('without a log it is silent', () => {
  assert.equal(nodeRuntime().log.enabled('critical'), false)
})
