import { isDeepStrictEqual } from 'node:util'
import { isFinal } from '../../../protocol/states.js'
import { type Evidence, type PlannedTask, Violation } from '../evidence.js'
import type { StoredRecord } from '../witnessed-backend.js'
import type { Checker } from './checker.js'
import { cameTwice, lineage } from './story.js'

/** At most one final state per id is ever visible, and a stored value is one that an execution returned. */
export const i07: Checker = {
  invariant: 'I07',
  always({ backend }) {
    const [wrong] = backend.wrongs
    if (wrong !== undefined) throw new Violation('I07', wrong.what, [wrong.id])
  },
  atRest(evidence) {
    for (const task of evidence.plan.values()) {
      mustBeReturned(task, evidence)
      mustBeOne(task, evidence)
    }
  },
}

/**
 * Unless there were two messages of one attempt, of it or of a step before it: then each may have ended in its own way,
 * and SUCCESS wins.
 */
function mustBeOne(task: PlannedTask, evidence: Evidence): void {
  const { id } = task
  const { backend } = evidence
  if (lineage(task, evidence).some(one => cameTwice(one, evidence) || mayEndTwice(one, evidence))) return
  const final = backend
    .of(id)
    .filter(({ answer, meta }) => answer === 'stored' && isFinal(meta.status))
    .filter(record => !isRequest(record, id, evidence) && !cameLate(record, id, evidence))
  const states = [...new Set(final.map(({ meta }) => meta.status))]
  if (states.length > 1) throw new Violation('I07', `${id} was seen as ${states.join(', then ')}`, [id])
}

/** Without a state, cut off while it told its end, and then refused as poison: the steps after it may hear of both. */
function mayEndTwice({ id, kept, maxDeliveries }: PlannedTask, { ledger }: Evidence): boolean {
  return !kept && ledger.of(id).some(({ faults }) => faults >= maxDeliveries)
}

/**
 * Whoever hears a revoke marks the task as revoked at once; one that runs elsewhere at this moment goes on, and its end counts.
 * Source: celery/worker/control.py `_revoke` (5.6), celery/backends/base.py `_store_result`.
 */
function isRequest({ meta, fence, at }: StoredRecord, id: string, { journal }: Evidence): boolean {
  if (meta.status !== 'REVOKED' || fence !== undefined) return false
  return journal.of(id).some(run => run.at <= at && (run.endedAt === undefined || run.endedAt >= at || !run.told))
}

/**
 * It was on its way already when its worker lost the message, and whoever has that now could not know of it. Nothing can call
 * it back; where it is refused as older it does no harm.
 */
function cameLate({ sentAt, at }: StoredRecord, id: string, { ledger }: Evidence): boolean {
  if (sentAt === undefined) return false
  const claims = ledger.of(id).flatMap(message => message.claims)
  return claims.some(({ end, endedAt }) => end === 'returned' && sentAt <= Number(endedAt) && Number(endedAt) <= at)
}

function mustBeReturned(task: PlannedTask, { final, journal }: Evidence): void {
  const meta = final?.states.get(task.id)
  if (meta?.status !== 'SUCCESS') return
  const by = journal
    .of(task.id)
    .find(({ end }) => end?.kind === 'returned' && isDeepStrictEqual(end.value, meta.result))
  if (by === undefined) {
    throw new Violation('I07', `${task.id} has a result that no execution returned: ${JSON.stringify(meta.result)}`, [
      task.id,
    ])
  }
  const { v } = meta.result as { readonly v?: unknown }
  if (!isDeepStrictEqual(v, task.value(by.args[0]))) {
    throw new Violation('I07', `${task.id} has a wrong result: ${JSON.stringify(meta.result)}`, [task.id])
  }
}
