import { packMessages, unpackMessage } from '../../../src/brokers/virtual/message-columns.js'
import { allSteps } from '../../../src/protocol/chain-steps.js'
import { fromDeadLetter, toDeadLetter } from '../../../src/protocol/dead-letter.js'
import { type DecodedTask, decodeTask } from '../../../src/protocol/decode-task.js'
import { encodeRetry } from '../../../src/protocol/encode-retry.js'
import type { QueueName } from '../../../src/protocol/ids.js'
import type { Message } from '../../../src/protocol/message.js'
import type { TaskRequest } from '../../../src/protocol/request.js'
import { messageOf } from '../expect.js'
import { makeMessage } from '../make-message.js'
import { written } from '../outcome.js'
import { mustBeSame } from '../same.js'
import { readAll, type Seeds } from '../seeds.js'
import { Broken, INPUTS, type Outcome, type Target } from '../target.js'

const NOW = Date.UTC(2026, 10, 20, 12)

/**
 * Task messages of protocol 1, 2 and the hybrid of both. A task that decodes is retried, with its arguments and with
 * others, and decodes to the same again; whatever it is, it survives being dead-lettered and lying in a SQLite row.
 */
export function taskTarget(seeds: Seeds): Target {
  return {
    name: 'task',
    inputs: INPUTS,
    make: random => makeMessage(random, seeds.tasks),
    judge: input => judge(messageOf(input)),
  }
}

function judge(message: Message): Outcome {
  const decoded = decodeTask(message, readAll, { now: NOW })
  mustSurviveDeath(message)
  if (decoded.kind === 'malformed') {
    if (decoded.detail.length > 2000) throw new Broken('the detail is not one short line')
    return decoded.reason
  }
  mustSurviveRetry(decoded.request)
  return 'task'
}

function mustSurviveDeath(message: Message): void {
  const record = {
    reason: 'malformed',
    detail: 'fuzz',
    queue: 'celery' as QueueName,
    exchange: '',
    routingKey: 'celery',
    deliveries: 0,
    firstSeen: undefined,
    diedAt: NOW,
    worker: 'w@h',
  } as const
  const dead = toDeadLetter(message, record)
  const { expiration, ...properties } = message.properties
  // An expiration that is no text is none.
  const alive = typeof expiration === 'string' ? message : { ...message, properties }
  mustBeSame(fromDeadLetter(dead), { message: alive, record }, 'a dead letter')
  const stored = unpackMessage(packMessages([dead]), 0)
  mustBeSame(stored.headers, dead.headers, 'a stored row')
}

function mustSurviveRetry(request: TaskRequest): void {
  const next = { retries: request.retries, eta: NOW + 1000 }
  const same = written(() => encodeRetry(request, next, readAll))
  if (same === undefined) throw new Broken('a task that was read cannot be written for its retry')
  mustBeSame(kept(decodeTask(same, readAll, { now: NOW })), keptOf(request), 'a retry')
  const args = ['other']
  const changed = written(() => encodeRetry(request, { ...next, args }, readAll))
  if (changed === undefined) return
  const again = decodeTask(changed, readAll, { now: NOW })
  const expected = keptOf({ ...request, args, argsrepr: "('other',)" })
  mustBeSame(kept(again), expected, 'a retry with other arguments')
}

function kept(decoded: DecodedTask): unknown {
  return decoded.kind === 'malformed' ? decoded : keptOf(decoded.request)
}

/** All but what a retry changes on purpose. A span in `expires` counts from each reading. */
function keptOf(request: TaskRequest): object {
  const { message, eta, ignoreResult, argsrepr, ...rest } = request
  return { ...rest, chain: allSteps(request.chain), argsrepr: request.protocol === 1 ? '' : argsrepr }
}
