import type { ResultMeta } from '../../protocol/result-meta.js'
import type { Journal } from './journal.js'
import type { Ledger } from './ledger.js'
import type { BackendLog } from './witnessed-backend.js'

/** A task that a scenario means to happen, and what it knows of it in advance. */
export interface PlannedTask {
  readonly id: string
  /** How its undisturbed story ends; `nothing`: without a state, as `Ignore`. */
  readonly ends: 'success' | 'failure' | 'nothing' | 'poison'
  /** Acked after the outcome. */
  readonly late: boolean
  /** Its state is stored. */
  readonly kept: boolean
  readonly maxDeliveries: number
  readonly cause: Cause
  /** It may be refused: because it has an expiry, or because somebody revokes it. */
  readonly refusable: boolean
  /** Where its dead letter goes when that is how it ends. */
  readonly buried: boolean
  /** Its value for an argument: what its executions return, beside their number. */
  value(argument: unknown): unknown
}

/** Why a task comes into being. */
export type Cause =
  | { readonly kind: 'client' }
  | { readonly kind: 'success' | 'failure' | 'chain-failure'; readonly of: string }
  | { readonly kind: 'chord'; readonly chord: string; readonly parts: readonly string[] }

/** What became of a client's call. */
export type Fate = 'planned' | 'attempted' | 'accepted' | 'not-sent'

export interface DeadLetterSeen {
  readonly id: string
  readonly reason: string
  readonly sameBytes: boolean
}

/** Everything a checker may look at. While the run goes on, `final` is undefined. */
export interface Evidence {
  readonly profile: 'lease-like' | 'amqp-like' | 'log-disk'
  readonly journal: Journal
  readonly ledger: Ledger
  readonly backend: BackendLog
  readonly plan: ReadonlyMap<string, PlannedTask>
  readonly fates: ReadonlyMap<string, Fate>
  readonly final: Final | undefined
}

export interface Final {
  readonly states: ReadonlyMap<string, ResultMeta>
  readonly dead: readonly DeadLetterSeen[]
  /** What is not at rest: queues, processes, timers; empty when all is. */
  readonly restless: readonly string[]
}

/** One invariant broken. `ids`: the tasks whose story to tell. */
export class Violation extends Error {
  readonly invariant: string
  readonly ids: readonly string[]

  constructor(invariant: string, message: string, ids: readonly string[]) {
    super(`${invariant} ${message}`)
    this.invariant = invariant
    this.ids = ids
  }
}
