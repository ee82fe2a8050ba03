import type { SteadyMs } from '../lib/time.js'
import type { TaskId } from '../protocol/ids.js'

/** What an entry takes beside the id, twice. */
const AROUND = 40

/** Of what is revoked, oldest first, the newest entries that fit into so many bytes of a control message. */
export function newestRevoked(
  entries: Iterable<readonly [TaskId, SteadyMs]>,
  most: number,
): readonly (readonly [TaskId, SteadyMs])[] {
  const all = [...entries]
  let bytes = 0
  let from = all.length
  while (from > 0) {
    const [id] = all[from - 1] as readonly [TaskId, SteadyMs]
    bytes += 2 * Buffer.byteLength(id) + AROUND
    if (bytes > most) break
    from--
  }
  return all.slice(from)
}
