import { isFinal } from '../../../protocol/states.js'
import type { Evidence, PlannedTask } from '../evidence.js'
import type { LedgerMessage } from '../ledger.js'

/*
 * What checkers ask about one task. An early-acked task may be lost for good between its ack and its end, and only
 * then: `forgiven` says whether that happened.
 */

/**
 * An attempt was acked before its end, and whoever acked it died before telling the end, or lost its connection before it heard
 * that the ack had come through: then it did not begin. One that lives and has begun tells its end, however long it takes.
 */
export function forgiven(task: PlannedTask, { ledger, journal }: Evidence): boolean {
  if (task.late) return false
  return ledger.of(task.id).some(message =>
    message.claims.some(({ end, moved, session }) => {
      if (end !== 'acked' || moved) return false
      const { process } = session
      // Another task under this id, which it took the place of, had an end of its own to tell.
      const own = journal.of(task.id).filter(({ attempt }) => attempt === message.attempt)
      const told = own.some(one => one.process === process && one.told)
      return (
        !told &&
        (process === undefined || !process.alive || (session.lost && own.every(one => one.process !== process)))
      )
    }),
  )
}

/** The task and those before it in its chain: what becomes of them is told to all that follow. */
export function lineage(task: PlannedTask, { plan }: Evidence): readonly PlannedTask[] {
  const all: PlannedTask[] = []
  for (let one: PlannedTask | undefined = task; one !== undefined; ) {
    all.push(one)
    one = 'of' in one.cause ? plan.get(one.cause.of) : undefined
  }
  return all
}

/** All messages of the task, and of those before it. */
export function messagesUpTo(task: PlannedTask, evidence: Evidence): readonly LedgerMessage[] {
  return lineage(task, evidence).flatMap(({ id }) => evidence.ledger.of(id))
}

/** Most faults of any message of the task, or of one before it. */
export function faultsOn(task: PlannedTask, evidence: Evidence): number {
  return Math.max(0, ...messagesUpTo(task, evidence).map(({ faults }) => faults))
}

/** There were several messages of one attempt: published again after doubt, or delivered twice. */
export function cameTwice({ id }: PlannedTask, { ledger }: Evidence): boolean {
  const messages = ledger.of(id).filter(message => !isReplaced(message))
  return (
    new Set(messages.map(({ retries }) => retries)).size < messages.length || messages.some(({ rewound }) => rewound)
  )
}

/** Of one attempt: copies that took each other's place count as one. */
export function isOneMessage(messages: readonly LedgerMessage[]): boolean {
  return messages.filter(message => !isReplaced(message)).length <= 1
}

/** It was published again, and then acked: the other one is the message now. */
function isReplaced({ claims }: LedgerMessage): boolean {
  return claims.some(({ moved, end }) => moved && (end === 'acked' || end === 'open'))
}

/** A broker that may lose what it has confirmed has lost something of it, or of one before it. */
export function isLost(task: PlannedTask, evidence: Evidence): boolean {
  if (evidence.profile !== 'log-disk') return false
  return lineage(task, evidence).some(({ id }) => evidence.ledger.of(id).some(({ gone }) => gone === 'lost'))
}

/**
 * The broker lost it before it had confirmed it, in whoever's hands it was, and the early-acked task that was to publish it again
 * was lost with its worker: it may have run, but is nobody's.
 */
function isUnpublished({ id, cause }: PlannedTask, evidence: Evidence): boolean {
  const publisher = 'of' in cause ? evidence.plan.get(cause.of) : undefined
  const messages = evidence.ledger.of(id)
  if (publisher === undefined || messages.length === 0 || !forgiven(publisher, evidence)) return false
  return messages.every(({ gone }) => gone === 'lost')
}

export function stateOf(task: PlannedTask, { final }: Evidence): string | undefined {
  return final?.states.get(task.id)?.status
}

/** It has come to an end that somebody can see. */
export function isTerminal(task: PlannedTask, evidence: Evidence): boolean {
  const state = stateOf(task, evidence)
  return state !== undefined && isFinal(state)
}

/** Everything is there that it was waiting for, and nobody died between that and publishing it. */
export function isDue(task: PlannedTask, evidence: Evidence): boolean {
  const { cause } = task
  if (isLost(task, evidence)) return false
  switch (cause.kind) {
    case 'client':
      return evidence.fates.get(task.id) === 'accepted'
    case 'success':
      return follows(cause.of, 'SUCCESS', evidence)
    case 'failure':
    case 'chain-failure':
      return follows(cause.of, 'FAILURE', evidence)
    case 'chord':
      return cause.parts.every(part => {
        const planned = evidence.plan.get(part)
        return planned !== undefined && isTerminal(planned, evidence) && !forgiven(planned, evidence)
      })
    default:
      return cause satisfies never
  }
}

function follows(id: string, state: 'SUCCESS' | 'FAILURE', evidence: Evidence): boolean {
  const parent = evidence.plan.get(id)
  if (parent === undefined || forgiven(parent, evidence) || isUnpublished(parent, evidence)) return false
  if (parent.kept) return stateOf(parent, evidence) === state
  // Without a state nobody can see that it was refused in the end, after runs that were cut off while they told.
  if (evidence.ledger.of(id).some(({ faults }) => faults >= parent.maxDeliveries)) return false
  const wanted = state === 'SUCCESS' ? 'returned' : 'threw'
  const ended = evidence.journal.of(id).filter(execution => execution.end !== undefined)
  if (ended.some(({ cutShort }) => cutShort)) return false
  return ended.length > 0 && ended.every(execution => execution.end?.kind === wanted)
}
