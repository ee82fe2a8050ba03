import { isDeepStrictEqual } from 'node:util'
import { type Evidence, Violation } from '../evidence.js'
import type { Checker } from './checker.js'
import { messagesUpTo } from './story.js'

/** What follows a task starts after it ended so, with the stored result as its argument (D42). */
export const i08: Checker = {
  invariant: 'I08',
  entered({ id, args }, evidence) {
    const cause = evidence.plan.get(id)?.cause
    if (cause === undefined || cause.kind === 'client' || cause.kind === 'chord') return
    if (cause.kind === 'chain-failure') {
      throw new Violation('I08', `${id} runs; the step before it, ${cause.of}, was to fail`, [id, cause.of])
    }
    const kept = evidence.plan.get(cause.of)?.kept === true
    if (cause.kind === 'success') mustHaveValue(id, cause.of, args[0], kept, evidence)
    else mustHaveFailed(id, cause.of, args[0], kept, evidence)
  },
}

function mustHaveValue(id: string, of: string, argument: unknown, kept: boolean, evidence: Evidence): void {
  const stored = evidence.backend.visible(of)
  if (kept && stored?.status !== 'SUCCESS') {
    throw new Violation('I08', `${id} runs while ${of} is ${stored?.status ?? 'PENDING'}`, [id, of])
  }
  const values = returned(of, kept, evidence)
  if (!values.some(value => isDeepStrictEqual(value, argument))) {
    throw new Violation('I08', `${id} was given ${JSON.stringify(argument)}, which is not the result of ${of}`, [
      id,
      of,
    ])
  }
}

/**
 * What may be handed on: what is stored. Of an early-acked task with two messages for one attempt, both ends may come out
 * of spools later than the state: then each hands on its own value. So does each run of a task that was sent or taken once more
 * because the power went off, and with it the ack of its message, or of one before it.
 */
function returned(of: string, kept: boolean, evidence: Evidence): readonly unknown[] {
  const { backend, journal, ledger, plan } = evidence
  const messages = ledger.of(of)
  const twice = new Set(messages.map(({ retries }) => retries)).size < messages.length
  if (kept && !wasUndone(of, evidence) && (!twice || plan.get(of)?.late === true)) return [backend.visible(of)?.result]
  return journal.of(of).flatMap(({ end }) => (end?.kind === 'returned' ? [end.value] : []))
}

function wasUndone(of: string, evidence: Evidence): boolean {
  const task = evidence.plan.get(of)
  const messages = task === undefined ? [] : messagesUpTo(task, evidence)
  return messages.some(({ rewound, forgottenAcks, gone }) => rewound || forgottenAcks > 0 || gone === 'lost')
}

function mustHaveFailed(id: string, of: string, argument: unknown, kept: boolean, evidence: Evidence): void {
  if (argument !== of)
    throw new Violation('I08', `errback ${id} was given ${String(argument)} instead of ${of}`, [id, of])
  const stored = evidence.backend.visible(of)
  if (kept && stored?.status !== 'FAILURE') {
    throw new Violation('I08', `errback ${id} runs while ${of} is ${stored?.status ?? 'PENDING'}`, [id, of])
  }
}
