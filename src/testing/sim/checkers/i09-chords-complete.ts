import { isDeepStrictEqual } from 'node:util'
import { type Evidence, Violation } from '../evidence.js'
import type { Checker } from './checker.js'
import { forgiven, isLost, isTerminal, stateOf } from './story.js'

/** A chord's body runs when all parts are there and succeeded, with every part's value once and in order; else it fails. */
export const i09: Checker = {
  invariant: 'I09',
  entered({ id, args }, { plan, backend }) {
    const cause = plan.get(id)?.cause
    if (cause?.kind !== 'chord') return
    const metas = cause.parts.map(part => backend.visible(part))
    const missing = cause.parts.filter((_, i) => metas[i]?.status !== 'SUCCESS')
    if (missing.length > 0) {
      throw new Violation('I09', `chord body ${id} runs without ${missing.join(', ')}`, [id, ...cause.parts])
    }
    const values = metas.map(meta => meta?.result)
    if (!isDeepStrictEqual(args[0], values)) {
      throw new Violation('I09', `chord body ${id} was given ${JSON.stringify(args[0])}`, [id, ...cause.parts])
    }
  },
  atRest(evidence) {
    for (const task of evidence.plan.values()) {
      const { id, cause } = task
      if (cause.kind === 'chord' && !isLost(task, evidence)) mustHaveFired(id, cause.parts, evidence)
    }
  },
}

function mustHaveFired(id: string, parts: readonly string[], evidence: Evidence): void {
  const planned = parts.flatMap(part => evidence.plan.get(part) ?? [])
  if (!planned.every(part => isTerminal(part, evidence))) return
  if (planned.some(part => forgiven(part, evidence))) return
  const failed = planned.some(part => stateOf(part, evidence) !== 'SUCCESS')
  const body = evidence.final?.states.get(id)
  const wrong = failed ? body?.error?.type !== 'ChordError' : body === undefined || body.error?.type === 'ChordError'
  if (!wrong) return
  const how = failed ? 'a part failed' : 'every part succeeded'
  throw new Violation('I09', `${how}, and the body ${id} is ${body?.status ?? 'PENDING'}`, [id, ...parts])
}
