import type { EpochMs, Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { Delivery, Settled } from '../broker.js'
import type { Claimed, Token, Verdict } from './queue-store.js'

/** Whoever answers for a delivery: a consumer, or the connection itself for what `get` took. */
export interface DeliveryOwner {
  settle(delivery: VirtualDelivery, verdict: Verdict): Promise<Settled>
  current(delivery: VirtualDelivery): Promise<boolean>
  /** The delivery no longer counts as held. Called once. */
  released(delivery: VirtualDelivery): void
}

/** Beside the body: headers, properties, and what holding them costs. Close enough for a cap. */
const ENVELOPE_BYTES = 1_024

export function messageBytes(message: Message): number {
  return message.body.byteLength + ENVELOPE_BYTES
}

/** A claim with its verbs. One of these per message is all the layer allocates, so it keeps the claim and looks through it. */
export class VirtualDelivery implements Delivery {
  readonly #claimed: Claimed
  readonly #owner: DeliveryOwner
  #held = true

  constructor(claimed: Claimed, owner: DeliveryOwner) {
    this.#claimed = claimed
    this.#owner = owner
  }

  get token(): Token {
    return this.#claimed.token
  }

  get message(): Message {
    return this.#claimed.message
  }

  get queue(): QueueName {
    return this.#claimed.queue
  }

  get exchange(): string {
    return this.#claimed.exchange
  }

  get routingKey(): string {
    return this.#claimed.routingKey
  }

  get redelivered(): boolean {
    return this.#claimed.redelivered
  }

  get faults(): number {
    return this.#claimed.faults
  }

  get begun(): boolean {
    return this.#claimed.begun
  }

  get claim(): number {
    return this.#claimed.claim
  }

  get enqueuedAt(): EpochMs | undefined {
    return this.#claimed.enqueuedAt
  }

  ack(): Promise<Settled> {
    return this.#owner.settle(this, { kind: 'ack', token: this.#claimed.token })
  }

  requeue(how: { readonly counted: boolean; readonly delay?: Ms }): Promise<Settled> {
    const { counted, delay } = how
    return this.#owner.settle(this, { kind: 'requeue', token: this.#claimed.token, counted, delay })
  }

  begin(): Promise<Settled> {
    return this.#owner.settle(this, { kind: 'begin', token: this.#claimed.token })
  }

  condemn(): Promise<Settled> {
    return this.begin()
  }

  current(): Promise<boolean> {
    return this.#owner.current(this)
  }

  /** The store has answered that it is settled, or no longer ours. Saying so twice is fine. */
  release(): void {
    if (!this.#held) return
    this.#held = false
    this.#owner.released(this)
  }
}
