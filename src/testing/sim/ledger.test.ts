import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import { Ledger } from './ledger.js'

const MESSAGE: Message = { headers: { id: 'a' }, properties: {}, body: new Uint8Array() }

/** A message that two dead workers held, of whom the second had begun it, unless `begun` is false. */
function heldTwice(begun = true): Ledger {
  const ledger = new Ledger(() => 0, 1000)
  ledger.pushed(MESSAGE, 'q' as QueueName, 'p', 'client')
  for (const [token, faults] of [
    ['1', 0],
    ['2', 1],
  ] as const) {
    const session = ledger.opened(token, undefined)
    ledger.claimed(session, MESSAGE, { token, redelivered: faults > 0, faults, begun: false })
    if (begun) ledger.settled(session, token, { kind: 'begin' }, 'settled')
    ledger.gone(session, 'lost')
  }
  return ledger
}

/** What is said when the message comes once more with so many faults. */
function comesWith(ledger: Ledger, faults: number): readonly string[] {
  const given = { token: '3', redelivered: true, faults, begun: true }
  ledger.claimed(ledger.opened('3', undefined), MESSAGE, given)
  return ledger.wrongs.map(({ what }) => what)
}

test('a claim that ended in its holder’s death is a fault', () => {
  assert.deepEqual(comesWith(heldTwice(), 2), [])
  assert.deepEqual(comesWith(heldTwice(), 1), ['a: has had 2 faults and says 1'])
  assert.deepEqual(comesWith(heldTwice(false), 1), [], 'beyond the first only where it had begun (D40)')
})

test('a claim that the broker still knows of after it lost its latest writes is a fault', () => {
  const ledger = heldTwice()
  ledger.rewound(MESSAGE, { faults: 1, held: true, begun: true })
  assert.deepEqual(comesWith(ledger, 1), ['a: has had 2 faults and says 1'])
})

test('a claim that the broker has forgotten is none, nor one whose beginning it has forgotten', () => {
  const forgotten = heldTwice()
  forgotten.rewound(MESSAGE, { faults: 1, held: false, begun: false })
  assert.deepEqual(comesWith(forgotten, 1), [])
  const unbegun = heldTwice()
  unbegun.rewound(MESSAGE, { faults: 1, held: true, begun: false })
  assert.deepEqual(comesWith(unbegun, 1), [])
  const earlier = heldTwice()
  earlier.rewound(MESSAGE, { faults: 0, held: false, begun: false })
  assert.deepEqual(comesWith(earlier, 0), [])
})
