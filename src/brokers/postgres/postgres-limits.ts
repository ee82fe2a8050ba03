import { limitKeys } from '../limits/decide-limits.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import { placedRequest } from '../limits/placed-request.js'
import type { Ask, Statements } from './statements.js'

/** Limits over the cluster in a table. The server decides, under the lock of the limits' rows: a call is one statement. */
export async function postgresLimits(
  request: LimitRequest,
  holder: string,
  sql: Statements,
  ask: Ask,
): Promise<readonly LimitAnswer[]> {
  const keys = limitKeys(request)
  const [row] = await ask(sql['take-turns'], [holder, JSON.stringify({ keys, ...placedRequest(request, keys, 0) })])
  const answers = JSON.parse(String(row?.[0])) as readonly (readonly [granted: number, wait: number | null])[] // as the function says
  return answers.map(([granted, wait]) => ({ granted, wait: wait ?? undefined }))
}
