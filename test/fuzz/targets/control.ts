import type { Message } from '../../../src/protocol/message.js'
import {
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from '../../../src/protocol/pidbox.js'
import { messageOf } from '../expect.js'
import { makeMessage } from '../make-message.js'
import { written } from '../outcome.js'
import { closeTo, mustBeSame } from '../same.js'
import { readAll, type Seeds } from '../seeds.js'
import { Broken, INPUTS, type Outcome, type Target } from '../target.js'

/** Requests of remote control. */
export function controlRequestTarget(seeds: Seeds): Target {
  return {
    name: 'control-request',
    inputs: INPUTS,
    make: random => makeMessage(random, seeds.requests),
    judge: input => judgeRequest(messageOf(input)),
  }
}

/** Replies of remote control. */
export function controlReplyTarget(seeds: Seeds): Target {
  return {
    name: 'control-reply',
    inputs: INPUTS,
    make: random => makeMessage(random, seeds.replies),
    judge: input => judgeReply(messageOf(input)),
  }
}

function judgeRequest(message: Message): Outcome {
  const decoded = decodeControlRequest(message, readAll)
  if (decoded.kind === 'malformed') return decoded.replyTo === undefined ? 'malformed' : 'malformed-with-address'
  const { request } = decoded
  const encoded = written(() => encodeControlRequest(request, readAll))
  if (encoded === undefined) return 'read-only'
  const again = decodeControlRequest(encoded, readAll)
  if (again.kind === 'malformed') throw new Broken(`a request sent on is malformed: ${again.detail}`)
  const expires = closeTo(again.request.expires, request.expires)
  // No clock is written as 0.
  mustBeSame({ ...again.request, expires }, { ...request, clock: request.clock ?? 0 }, 'a request sent on')
  return 'request'
}

function judgeReply(message: Message): Outcome {
  const decoded = decodeControlReply(message, readAll)
  if (decoded.kind === 'malformed') return 'malformed'
  const { reply } = decoded
  const encoded = written(() => encodeControlReply(reply, readAll))
  const expected = { kind: 'reply', reply: { ...reply, clock: reply.clock ?? 0 } }
  if (encoded !== undefined) mustBeSame(decodeControlReply(encoded, readAll), expected, 'a reply sent on')
  return 'reply'
}
