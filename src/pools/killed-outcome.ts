import type { Interrupt, OutcomeKind } from './pool.js'

/** What the end of a killed execution means depends on why it was interrupted before. `exit`: how its member ended. */
export function killedOutcome(interrupt: Interrupt | undefined, exit: string): OutcomeKind {
  switch (interrupt?.kind) {
    case 'hard-time-limit':
      return { kind: 'timed-out', limit: interrupt.limit, hard: true, traceback: undefined }
    case 'terminated':
      return { kind: 'cancelled', why: 'terminated', signal: interrupt.signal }
    case 'shutdown':
    case 'lease-lost':
    case 'connection-lost':
      return { kind: 'cancelled', why: interrupt.kind, signal: undefined }
    case 'soft-time-limit':
    case undefined:
      return { kind: 'lost', exit }
    default:
      return interrupt satisfies never
  }
}
