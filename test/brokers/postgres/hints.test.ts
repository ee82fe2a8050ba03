import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hints } from '../../../src/brokers/postgres/hints.js'
import { HandClock } from '../../support/hand-clock.js'

const NEVER = new AbortController().signal

/** How long a wait for the queue lasts that nothing cuts short, looked at every 5 ms. */
async function waited(hints: Hints, clock: HandClock, queue: number): Promise<number> {
  const since = clock.steady()
  let over = false
  const waiting = hints.wait([queue], NEVER).then(() => {
    over = true
  })
  while (!over) await clock.pass(5)
  await waiting
  return clock.steady() - since
}

test('a queue in which something was found is looked at again at once, the others as seldom as before', async () => {
  const clock = new HandClock()
  const hints = new Hints(clock)
  await clock.pass(10_000)
  hints.active([1])
  assert.ok((await waited(hints, clock, 1)) <= 10)
  hints.active([1])
  assert.ok((await waited(hints, clock, 2)) >= 250)
})

test('a hint ends the wait of those whom it concerns, and is kept for who comes later', async () => {
  const clock = new HandClock()
  const hints = new Hints(clock)
  await clock.pass(10_000)
  hints.hint([1])
  assert.ok((await waited(hints, clock, 1)) <= 5)
  hints.claiming([1])
  assert.ok((await waited(hints, clock, 1)) >= 250)
})
