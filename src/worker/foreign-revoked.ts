import { revokedIdsFrom } from '../protocol/command-replies.js'
import { nameProblem, type TaskId } from '../protocol/ids.js'

/** Ids taken over from one neighbour: as many as any worker keeps (L14). */
const MAX_FOREIGN = 50_000

/** What another worker says is revoked, as far as it can be an id; its times say nothing here. */
export function foreignRevoked(value: unknown): readonly TaskId[] {
  const ids = revokedIdsFrom(value).filter(id => nameProblem(id) === undefined)
  // They are names.
  return ids.slice(-MAX_FOREIGN) as readonly string[] as readonly TaskId[]
}
