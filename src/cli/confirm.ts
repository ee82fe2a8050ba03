import { UsageError } from './errors.js'
import type { Io } from './io.js'

/**
 * Asks before something that cannot be undone. Only a person at a terminal can answer; without one it refuses.
 *
 * @throws UsageError naming the option that answers in advance
 */
export async function confirm(io: Io, question: string, insteadUse: string): Promise<boolean> {
  if (!io.isTty.stdin) throw new UsageError(`${question} Nobody is there to ask: say ${insteadUse} to go on.`)
  io.stderr.write(`${question} [y/N] `)
  const answer = await io.stdin.readLine()
  return /^(y|yes)$/i.test((answer ?? '').trim())
}
