import { decodeEvents, encodeEvent } from '../../../src/protocol/event-message.js'
import type { Message } from '../../../src/protocol/message.js'
import { messageOf } from '../expect.js'
import { makeMessage } from '../make-message.js'
import { written } from '../outcome.js'
import { closeTo, mustBeSame } from '../same.js'
import { readAll, type Seeds } from '../seeds.js'
import { INPUTS, type Outcome, type Target } from '../target.js'

const NOW = Date.UTC(2100, 0)

/** Event messages, single and in lists. */
export function eventsTarget(seeds: Seeds): Target {
  return {
    name: 'events',
    inputs: INPUTS,
    make: random => makeMessage(random, seeds.events),
    judge: input => judge(messageOf(input)),
  }
}

function judge(message: Message): Outcome {
  const { events, dropped } = decodeEvents(message, readAll, NOW)
  for (const event of events) {
    const encoded = written(() => encodeEvent(event, readAll))
    if (encoded !== undefined) {
      // No offset is written as 0.
      const expected = { ...event, utcoffset: event.utcoffset ?? 0 }
      const again = decodeEvents(encoded, readAll, NOW).events.map(found => ({
        ...found,
        timestamp: closeTo(found.timestamp, event.timestamp),
      }))
      mustBeSame(again, [expected], 'an event sent on')
    }
  }
  if (dropped > 0) return events.length > 0 ? 'some' : 'dropped'
  return 'events'
}
