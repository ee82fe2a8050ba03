import { helloArguments } from '../../protocol/command-arguments.js'
import { syncReplyToDict } from '../../protocol/command-replies.js'
import type { Dict } from '../../protocol/dict.js'
import { foreignRevoked } from '../foreign-revoked.js'
import { newestRevoked } from '../newest-revoked.js'
import { name } from './check.js'
import type { WorkerView } from './worker-view.js'

/** A reply must stay below 8 MiB (L17): the newest ids that fit into half of that. */
const MAX_REPLY = 4 * 1024 * 1024
/** A worker that has started asks for what it must know. What it knows itself is taken over, without its times. */
export function hello(worker: Pick<WorkerView, 'name' | 'revoking' | 'clock' | 'runtime'>, args: Dict): unknown {
  const { fromNode, revoked } = helloArguments(args)
  if (name(fromNode, 'from_node') === worker.name) return undefined
  worker.runtime.log.debug(`sync with ${fromNode}`)
  const foreign = foreignRevoked(revoked)
  if (foreign.length > 0) worker.revoking.merge(foreign)
  const known = newestRevoked(worker.revoking.entries(), MAX_REPLY)
  return syncReplyToDict({ revoked: known, clock: worker.clock.forward() })
}
