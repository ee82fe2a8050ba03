import type { QueueStats } from '../brokers/broker.js'
import type { EpochMs } from '../lib/time.js'
import type { DeadLetterRecord } from '../protocol/dead-letter.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { isFinal } from '../protocol/states.js'

/** A worker that holds the task. */
export interface Holder {
  readonly node: string
  /** `active`: its handler runs; `scheduled`: until its eta or its rate permits; `reserved`: until a slot is free. */
  readonly place: 'active' | 'scheduled' | 'reserved'
  /** With `active`: since when; with `scheduled`: until when. ISO 8601, as far as it is told. */
  readonly at: string | undefined
}

/** All that could be asked about one task. */
export interface TaskFacts {
  readonly id: string
  /** Undefined: nothing is stored. */
  readonly stored: ResultMeta | undefined
  /** No result backend, so that nothing can be stored. */
  readonly keepsNothing: boolean
  readonly holders: readonly Holder[]
  /** Workers that answered. */
  readonly nodes: readonly string[]
  /** Workers that will not start it. */
  readonly revokedAt: readonly string[]
  readonly dead: DeadLetterRecord | undefined
  /** For work: no dead-letter places, no mailboxes. */
  readonly queues: readonly QueueStats[]
  readonly now: EpochMs
}

/** Why a task does not run, or what became of it (G4): the answer first, then what else is known. */
export function explanation(facts: TaskFacts): readonly string[] {
  const { stored, dead, revokedAt } = facts
  const answer = ended(facts) ?? held(facts) ?? buried(dead) ?? retrying(stored) ?? revoked(facts) ?? waiting(facts)
  const more: string[] = []
  if (stored !== undefined) more.push(`Stored state: ${stored.status}.`)
  else if (!facts.keepsNothing) more.push('Stored state: none.')
  else more.push('Stored state: not kept, there is no result backend.')
  if (revokedAt.length > 0) more.push(`Revoked, as ${names(revokedAt)} know${revokedAt.length === 1 ? 's' : ''}.`)
  return [answer, ...more]
}

function ended({ stored }: TaskFacts): string | undefined {
  if (stored === undefined || !isFinal(stored.status)) return undefined
  const when = stored.dateDone === undefined ? '' : ` at ${stored.dateDone}`
  const why = stored.error === undefined ? '' : ` (${stored.error.type})`
  return `It has ended${when}: ${stored.status}${why}.`
}

function held({ holders }: TaskFacts): string | undefined {
  const active = holders.find(({ place }) => place === 'active')
  if (active !== undefined) return `It runs at ${active.node}${active.at === undefined ? '' : `, since ${active.at}`}.`
  const [holder] = holders
  if (holder === undefined) return undefined
  if (holder.place === 'reserved') return `It is held by ${holder.node} and waits there for a free slot.`
  const until = holder.at === undefined ? 'its eta or its rate limit permits' : holder.at
  return `It is held by ${holder.node} and waits there until ${until}.`
}

function buried(dead: DeadLetterRecord | undefined): string | undefined {
  if (dead === undefined) return undefined
  return `It is a dead letter of queue '${dead.queue}' (${dead.reason}): ${dead.detail}. lovage dead requeue ${dead.queue} puts it back.`
}

function retrying(stored: ResultMeta | undefined): string | undefined {
  if (stored?.status !== 'RETRY') return undefined
  const due = stored.intent === undefined ? '' : `, due at ${new Date(stored.intent.eta).toISOString()}`
  return `It has failed and waits for its next attempt${due}.`
}

function revoked({ revokedAt }: TaskFacts): string | undefined {
  return revokedAt.length === 0 ? undefined : 'It is revoked: whichever worker comes to it throws it away.'
}

/** Nobody has it: what stands in its way is in the queues, if anywhere. */
function waiting({ queues, nodes }: TaskFacts): string {
  const full = queues.filter(({ ready, delayed }) => ready + delayed > 0)
  const nobody = nodes.length === 0 ? 'No worker answers' : `None of ${nodes.length} workers has it`
  if (full.length === 0) {
    return `${nobody}, and nothing waits in any queue: it was never sent, has been thrown away as expired, or what was known of it has expired.`
  }
  return `${nobody}. If it was sent, it waits in one of: ${full.map(queueLine).join('; ')}.`
}

function queueLine({ queue, ready, delayed, consumers }: QueueStats): string {
  const parts = [`${ready} ready`]
  if (delayed > 0) parts.push(`${delayed} until later`)
  if (consumers === 0) parts.push('no consumer')
  return `${queue} (${parts.join(', ')})`
}

function names(nodes: readonly string[]): string {
  return nodes.join(', ')
}
