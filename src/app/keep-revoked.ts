import type { ResultBackend } from '../backends/backend.js'
import type { RevokedWhat } from '../control/control.js'
import type { Runtime } from '../lib/runtime.js'
import { taskId } from '../protocol/ids.js'
import { formatIso } from '../protocol/iso8601.js'
import { recordRevocation } from './record-revocation.js'
import type { RevocationEntry } from './revocation-entry.js'
import type { Settings } from './settings.js'

/** What keeping revocations needs of an app. */
export interface RevokedWorld {
  readonly runtime: Pick<Runtime, 'clock'>
  readonly settings: Pick<Settings, 'revokeTtl' | 'resultExpires'>
  backend(): Promise<ResultBackend | undefined>
}

/** What a client revokes outlives the workers that hear of it, where there is a store. Rejects as `recordRevocation`. */
export async function keepRevoked(
  { ids = [], roots = [], members = [], stamps = {} }: RevokedWhat,
  world: RevokedWorld,
): Promise<void> {
  const backend = await world.backend()
  if (backend === undefined) return
  const { revokeTtl: ttl, resultExpires } = world.settings
  const entries: RevocationEntry[] = ids.map(id => ({ kind: 'id', id: taskId(id) }))
  for (const root of roots) entries.push({ kind: 'root', id: taskId(root) })
  for (const [header, values] of Object.entries(stamps)) {
    for (const value of [values].flat()) entries.push({ kind: 'stamp', header, value })
  }
  const dateDone = formatIso(world.runtime.clock.now())
  await recordRevocation(entries, { backend, ttl, resultExpires, dateDone, members: members.map(taskId) })
}
