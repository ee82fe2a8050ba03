import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { Clock } from '../../lib/runtime.js'
import { queueName } from '../../protocol/ids.js'
import { DEFAULT_SEP, DEFAULT_STEPS, RedisKeys } from './redis-keys.js'
import { RedisWakes } from './redis-wakes.js'
import { loadBrokerScripts } from './scripts.js'

const QUEUE = queueName('q')

/** Peeks that the test answers, and a clock whose pauses never end. */
function bench() {
  const peeks: Deferred<unknown>[] = []
  const pauses: number[] = []
  const connection: Pick<RedisConnection, 'call' | 'run' | 'keepAlive'> = {
    call: () => {
      const peek = deferred<unknown>()
      peeks.push(peek)
      // The answer of a server, whatever it is.
      return peek.promise as Promise<null>
    },
    run: () => assert.fail('nothing is looked at: timers do not ring here'),
    keepAlive: () => undefined,
  }
  const clock: Clock = {
    now: () => 0,
    steady: () => 0,
    sleep: ms => {
      pauses.push(ms)
      return new Promise(() => undefined)
    },
    timer: () => ({ [Symbol.dispose]: () => undefined }),
  }
  // As much of a connection as waiting needs.
  const whole = connection as RedisConnection
  const keys = new RedisKeys({
    prefix: '',
    db: 0,
    sep: DEFAULT_SEP,
    steps: DEFAULT_STEPS,
    unacked: 'unacked',
    unackedIndex: 'unacked_index',
    fanoutPrefix: '',
    fanoutPatterns: true,
  })
  const wakes = new RedisWakes({
    connection: whole,
    keys,
    scripts: loadBrokerScripts(),
    clock,
    openPeek: async () => whole,
  })
  const [list = ''] = keys.lists(QUEUE)
  const wait = async () => {
    await wakes.wait([list], new AbortController().signal)
  }
  const found = () => peeks.at(-1)?.resolve(Buffer.from('message'))
  return { wakes, list, peeks, pauses, wait, found }
}

async function settleDown(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}

test('where a claim took what a peek had found, the next wait peeks at once', async () => {
  const { wakes, list, peeks, pauses, wait, found } = bench()
  for (let messages = 1; messages <= 3; messages++) {
    const woken = wait()
    await settleDown()
    assert.equal(peeks.length, messages)
    found()
    await woken
    wakes.busy(list)
  }
  assert.deepEqual(pauses, [])
})

test('where nothing could be claimed of what was found, it pauses before it looks again', async () => {
  const { peeks, pauses, wait, found } = bench()
  for (let turns = 0; turns < 2; turns++) {
    const woken = wait()
    await settleDown()
    found()
    await woken
    await settleDown()
  }
  void wait()
  await settleDown()
  assert.deepEqual([peeks.length, pauses], [2, [1]])
})
