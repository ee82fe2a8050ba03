import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryLog } from '../../src/lib/memory-log.js'
import { HandClock } from '../../src/testing/hand-clock.js'
import { RejectionLines } from '../../src/worker/rejection-lines.js'

function rig() {
  const clock = new HandClock()
  const { log, lines } = memoryLog()
  const rejections = new RejectionLines({ clock, log })
  return {
    rejections,
    messages: (): string[] => lines.map(line => line.message),
    /** So many rejected messages in each of so many seconds. */
    flood: async (perSecond: number, seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        for (let i = 0; i < perSecond; i++) {
          rejections.tell('one line', { reason: 'malformed', queue: i % 4 === 0 ? 'mail' : 'zip' })
        }
        await clock.pass(1000)
      }
    },
  }
}

describe('L19 log lines about rejected messages', () => {
  test('L19 at a hundred a second each has its line, for ever', async () => {
    const { flood, messages } = rig()
    await flood(100, 30)
    assert.deepEqual(
      messages(),
      Array.from({ length: 3000 }, () => 'one line'),
    )
  })

  test('L19 above a hundred a second for ten seconds, one line a second counts them by reason and queue', async () => {
    const { flood, messages } = rig()
    await flood(104, 10)
    assert.equal(messages().length, 1040)
    await flood(104, 3)
    const summary = '104 messages were rejected within a second: 78 malformed from zip, 26 malformed from mail'
    assert.deepEqual(messages().slice(1040), [summary, summary, summary])
  })

  test('L19 the first second with fewer ends that, and what was counted before is told', async () => {
    const { flood, messages } = rig()
    await flood(101, 11)
    await flood(1, 2)
    assert.equal(messages().filter(line => line === 'one line').length, 1010 + 1)
    assert.equal(messages().at(-1), 'one line')
  })

  test('L19 what is counted when the worker ends is told', async () => {
    const { flood, messages, rejections } = rig()
    await flood(200, 10)
    rejections.tell('one line', { reason: 'malformed', queue: 'mail' })
    rejections[Symbol.dispose]()
    assert.equal(messages().at(-1), '1 messages were rejected within a second: 1 malformed from mail')
  })
})
