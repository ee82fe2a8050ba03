import type { Ms } from '../../lib/time.js'
import { HeldTokens } from './held-tokens.js'
import type { LeaseConfig } from './lease-keeper.js'
import { LeaseTrust } from './lease-trust.js'

export interface HolderParts {
  /** Tells it from every other; its tokens begin so. */
  readonly name: string
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly visibilityMs: Ms
  /** Starts the lease keeper; `lost` is told when it cannot go on. */
  startKeeper(config: LeaseConfig, lost: (error: Error) => void): AsyncDisposable
  /** It has begun. */
  begun(): void
  lost(error: Error): void
}

/** A session that holds messages: its tokens, and from the first one on whoever renews their leases (D24). */
export class Holder implements AsyncDisposable {
  readonly name: string
  readonly tokens: HeldTokens = new HeldTokens()
  readonly trust: LeaseTrust = new LeaseTrust()
  readonly #parts: HolderParts
  #keeper: AsyncDisposable | undefined

  constructor(parts: HolderParts) {
    this.name = parts.name
    this.#parts = parts
  }

  get present(): boolean {
    return this.#keeper !== undefined
  }

  /** Before anything is held. */
  begin(): void {
    if (this.#keeper !== undefined) return
    const { name, leaseMs, renewMs, visibilityMs } = this.#parts
    const config = { holder: name, leaseMs, renewMs, visibilityMs, held: this.tokens.memory, trust: this.trust.memory }
    this.#keeper = this.#parts.startKeeper(config, error => this.#parts.lost(error))
    this.#parts.begun()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper?.[Symbol.asyncDispose]()
  }
}
