import { numbersParam } from '../../drivers/postgres/arrays.js'
import type { Verdict } from '../virtual/queue-store.js'
import { tokenParts } from './claimed-rows.js'

export interface PlacedVerdict {
  /** Position in the batch. */
  readonly at: number
  readonly verdict: Verdict
}

/**
 * Verdicts on one token are judged one after another, so each goes into the round after the one before it. Nearly always
 * there is one round.
 */
export function settleRounds(verdicts: readonly Verdict[]): readonly (readonly PlacedVerdict[])[] {
  const rounds: PlacedVerdict[][] = []
  const seen = new Map<string, number>()
  verdicts.forEach((verdict, at) => {
    const number = seen.get(verdict.token) ?? 0
    seen.set(verdict.token, number + 1)
    const round = rounds[number]
    if (round === undefined) rounds.push([{ at, verdict }])
    else round.push({ at, verdict })
  })
  return rounds
}

export interface SettleParams {
  /** Ids, claims, kinds, delays. */
  readonly columns: readonly string[]
  /** For ack.sql, which is the cheaper one, the first two will do. */
  readonly acksOnly: boolean
}

export function settleParams(verdicts: readonly Verdict[]): SettleParams {
  const tokens = verdicts.map(verdict => tokenParts(verdict.token))
  const kinds = verdicts.map(kindOf)
  return {
    columns: [
      numbersParam(tokens.map(token => token.id)),
      numbersParam(tokens.map(token => token.claim)),
      numbersParam(kinds),
      numbersParam(verdicts.map(verdict => (verdict.kind === 'requeue' ? (verdict.delay ?? null) : null))),
    ],
    acksOnly: kinds.every(kind => kind === 0),
  }
}

/** As settle.sql has them. */
function kindOf(verdict: Verdict): 0 | 1 | 2 | 3 {
  switch (verdict.kind) {
    case 'ack':
      return 0
    case 'begin':
      return 1
    case 'requeue':
      return verdict.counted ? 3 : 2
    default:
      return verdict satisfies never
  }
}
