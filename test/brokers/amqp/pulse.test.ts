import assert from 'node:assert/strict'
import { test } from 'node:test'
import { grown, Pulse } from '../../../src/drivers/amqp/pulse.js'
import { HandClock } from '../../support/hand-clock.js'

const INTERVAL = 1000

interface Seen {
  readonly clock: HandClock
  readonly pulse: Pulse
  readonly beats: number[]
  readonly silences: number[]
  sent: number
  heard: number
}

function watched(): Seen {
  const clock = new HandClock()
  const counts = { sent: 0, heard: 0 }
  const [beats, silences]: [number[], number[]] = [[], []]
  const pulse = new Pulse({
    clock,
    interval: INTERVAL,
    sent: grown(() => counts.sent),
    beat: () => void beats.push(clock.steady()),
    heard: grown(() => counts.heard),
    silent: () => void silences.push(clock.steady()),
  })
  return Object.assign(counts, { clock, pulse, beats, silences })
}

test('a quiet owner sends a heartbeat at least once an interval', async () => {
  const seen = watched()
  for (let n = 0; n < 12; n++) {
    await seen.clock.pass(INTERVAL / 2)
    seen.heard++
  }
  const gaps = seen.beats.map((at, index) => at - (seen.beats[index - 1] ?? 0))
  assert.ok(gaps.length >= 5 && gaps.every(gap => gap <= INTERVAL), String(gaps))
})

test('who sends needs no heartbeat', async () => {
  const seen = watched()
  for (let n = 0; n < 12; n++) {
    seen.sent++
    seen.heard++
    await seen.clock.pass(INTERVAL / 2)
  }
  assert.deepEqual(seen.beats, [])
})

test('two intervals without a word are silence, told once, and the last of it', async () => {
  const { clock, beats, silences } = watched()
  await clock.pass(10 * INTERVAL)
  assert.deepEqual(silences, [2 * INTERVAL])
  const told = beats.length
  await clock.pass(10 * INTERVAL)
  assert.deepEqual([silences.length, beats.length], [1, told])
})

test('one word in two intervals is enough', async () => {
  const seen = watched()
  for (let n = 0; n < 8; n++) {
    await seen.clock.pass(1.5 * INTERVAL)
    seen.heard++
  }
  assert.deepEqual(seen.silences, [])
})

test('disposed, it does nothing any more', async () => {
  const { clock, pulse, beats, silences } = watched()
  pulse[Symbol.dispose]()
  await clock.pass(10 * INTERVAL)
  assert.deepEqual([beats, silences], [[], []])
})
