import { DEAD_LETTER_HEADER, fromDeadLetter, toDeadLetter } from '../../../src/protocol/dead-letter.js'
import type { Message } from '../../../src/protocol/message.js'
import { messageOf } from '../expect.js'
import { mutateValue } from '../mutate-value.js'
import type { FuzzRandom } from '../random.js'
import { mustBeSame } from '../same.js'
import { Broken, INPUTS, type Input, type Outcome, type Target } from '../target.js'

const RECORD = {
  reason: 'malformed',
  detail: 'why',
  queue: 'celery',
  exchange: '',
  routing_key: 'celery',
  deliveries: 2,
  first_seen: 1_700_000_000_000,
  died_at: 1_700_000_001_000,
  worker: 'w@h',
}

const SEEDS: readonly unknown[] = [
  { id: 'a', task: 't', [DEAD_LETTER_HEADER]: RECORD },
  { [DEAD_LETTER_HEADER]: { ...RECORD, first_seen: null, expiration: '5000' } },
  { [DEAD_LETTER_HEADER]: { ...RECORD, previous: RECORD } },
]

/** Dead letters whose record somebody changed. */
export const deadLetterTarget: Target = {
  name: 'dead-letter',
  inputs: INPUTS,
  make,
  judge: input => judge(messageOf(input)),
}

function make(random: FuzzRandom): Input {
  const headers = mutateValue(random.pick(SEEDS), { random, donors: SEEDS, typed: true })
  const isTable = typeof headers === 'object' && headers !== null && !Array.isArray(headers)
  return {
    kind: 'message',
    message: {
      headers: isTable ? { ...headers } : { [DEAD_LETTER_HEADER]: headers },
      properties: {},
      body: new Uint8Array(),
    },
  }
}

function judge(message: Message): Outcome {
  const dead = fromDeadLetter(message)
  if (dead === undefined) return 'no-dead-letter'
  const { detail, exchange, routingKey, worker, queue } = dead.record
  for (const text of [detail, exchange, routingKey, worker, queue, dead.message.properties.expiration ?? '']) {
    if (typeof text !== 'string') throw new Broken('a text of the record is none')
  }
  mustBeSame(fromDeadLetter(toDeadLetter(dead.message, dead.record)), dead, 'a message that dies again')
  return 'dead-letter'
}
