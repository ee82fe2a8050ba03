import { fromDeadLetter } from '../../../src/protocol/dead-letter.js'
import type { Message } from '../../../src/protocol/message.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import type { DeadLetterSeen, Evidence, Final } from '../../../src/testing/sim/evidence.js'
import type { Ledger } from '../../../src/testing/sim/ledger.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import type { Fleet } from './fleet.js'

/** Ends everything, then looks at what is left. */
export async function takeFinal(fleet: Fleet, evidence: Evidence, world: SimWorld): Promise<Final> {
  // Farewells travel, what was to be healed later is, and code that no limit could end comes to its end on a slow clock.
  await world.sleep(700_000)
  const restless = world.pending === 0 ? [] : [`${world.pending} timers are left when all is over`]
  const states = new Map<string, ResultMeta>()
  for (const id of evidence.plan.keys()) {
    const meta = await fleet.cluster.result(id)
    if (meta !== undefined) states.set(id, meta)
  }
  return { states, dead: await deadLetters(fleet, evidence), restless }
}

/** Those that lie there, those that were taken out by hand, and those that made room for others. */
async function deadLetters(fleet: Fleet, { ledger }: Evidence): Promise<readonly DeadLetterSeen[]> {
  const letters = [...fleet.archive, ...(fleet.dropsLetters ? dropped(ledger) : [])]
  const queues = new Set(ledger.messages.map(({ queue }) => queue).filter(isDead))
  for (const queue of queues) {
    for (const { message } of await fleet.cluster.contents(queue)) letters.push(message)
  }
  return letters.map(message => {
    const id = String(message.headers['id'])
    const sameBytes = ledger
      .of(id)
      .some(one => !isDead(one.queue) && Buffer.compare(one.message.body, message.body) === 0)
    return { id, reason: String(fromDeadLetter(message)?.record.reason), sameBytes }
  })
}

function dropped({ messages }: Ledger): readonly Message[] {
  const acked = messages.filter(({ queue, gone }) => isDead(queue) && gone === 'acked')
  return acked.map(({ message }) => message)
}

function isDead(queue: string): boolean {
  return queue.endsWith('.dead')
}
