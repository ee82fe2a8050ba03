import type { ResultBackend } from '../backends/backend.js'
import type { RevocationKeep } from '../backends/revocation-log.js'
import type { Ms } from '../lib/time.js'
import { ResultDecodeError } from '../protocol/errors.js'
import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { isFinal } from '../protocol/states.js'
import { type RevocationEntry, revocationEntry } from './revocation-entry.js'

/** Entries of the log that are kept (L14). */
export const MAX_REVOCATIONS = 50_000

/** Results that are written at the same time. */
const TOGETHER = 100

export interface RecordRevocation {
  readonly backend: ResultBackend
  /** `revokeTtl`. */
  readonly ttl: Ms
  readonly resultExpires: Ms | undefined
  /** Now, as results carry it. */
  readonly dateDone: string
  /** More ids that are REVOKED from now on, without an entry of their own: those of a workflow. */
  readonly members?: readonly TaskId[]
}

/**
 * Keeps a revocation beyond the workers that hear of it: in the store's log, where there is one, for workers that start later,
 * and as the state REVOKED of every id that has not ended. Rejects with the store's error.
 * Source of the second: celery/worker/control.py `_revoke` (5.6).
 */
export async function recordRevocation(entries: readonly RevocationEntry[], how: RecordRevocation): Promise<void> {
  const keep: RevocationKeep = { ttl: how.ttl, max: MAX_REVOCATIONS }
  await how.backend.revocations?.append(entries.map(revocationEntry), keep)
  const named = entries.flatMap(entry => (entry.kind === 'stamp' ? [] : [entry.id]))
  const ids = [...new Set([...named, ...(how.members ?? [])])]
  for (let at = 0; at < ids.length; at += TOGETHER) {
    await Promise.all(ids.slice(at, at + TOGETHER).map(id => storeRevoked(id, how)))
  }
}

async function storeRevoked(id: TaskId, { backend, resultExpires, dateDone }: RecordRevocation): Promise<void> {
  const stored = await backend.fetch(id).catch(unreadable)
  if (stored !== undefined && isFinal(stored.status)) return
  const meta: ResultMeta = {
    taskId: id,
    status: 'REVOKED',
    result: undefined,
    error: { type: 'TaskRevokedError', args: ['revoked'], module: 'celery.exceptions' },
    traceback: undefined,
    children: [],
    dateDone,
  }
  await backend.store(meta, { ttl: resultExpires, fence: undefined })
}

/** A record that nobody can read says nothing of an end. */
function unreadable(error: unknown): undefined {
  if (error instanceof ResultDecodeError) return undefined
  throw error
}
