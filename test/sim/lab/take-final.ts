import { fromDeadLetter } from '../../../src/protocol/dead-letter.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import type { DeadLetterSeen, Evidence, Final } from '../../../src/testing/sim/evidence.js'
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

async function deadLetters(fleet: Fleet, { ledger }: Evidence): Promise<readonly DeadLetterSeen[]> {
  const seen: DeadLetterSeen[] = []
  const queues = new Set(ledger.messages.map(({ queue }) => queue).filter(queue => queue.endsWith('.dead')))
  for (const queue of queues) {
    for (const { message } of await fleet.cluster.contents(queue)) {
      const letter = fromDeadLetter(message)
      const id = String(message.headers['id'])
      const sameBytes = ledger
        .of(id)
        .some(one => one.queue !== queue && Buffer.compare(one.message.body, message.body) === 0)
      seen.push({ id, reason: String(letter?.record.reason), sameBytes })
    }
  }
  return seen
}
