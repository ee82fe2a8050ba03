import { UsageError } from './errors.js'
import { outside } from './output.js'

/**
 * What stands after `--`: `worker.concurrency=4`, `worker_concurrency=4`, `broker.heartbeat=10`. The settings read each
 * value as its type and refuse names they do not know.
 */
export function readOverrides(words: readonly string[]): readonly (readonly [string, string])[] {
  return words.map(word => {
    const at = word.indexOf('=')
    if (at > 0) return [word.slice(0, at).trim(), word.slice(at + 1).trim()]
    throw new UsageError(`"${outside(word)}" is no setting: after -- write name=value, such as worker.concurrency=4`)
  })
}
