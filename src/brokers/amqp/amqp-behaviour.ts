import type { Ms } from '../../lib/time.js'

/** How to behave; all from settings. */
export interface AmqpBehaviour {
  readonly confirms: boolean
  /** How long a publish may take in all (D04). */
  readonly publishTimeout: Ms
  /** `passive`: the account may not declare anything; what is used has been set up by somebody else. */
  readonly declare: 'active' | 'passive'
  /** `exchange`: nothing goes through the default exchange, which the account may not write to. */
  readonly publishVia: 'default' | 'exchange'
  /** Some configured queue is a quorum queue: prefetch per consumer, native delayed delivery. */
  readonly quorum: boolean
  readonly delayQueueType: 'classic' | 'quorum'
}
