import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Clock, Random } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { Consumers } from './consumers.js'
import { HeldTokens } from './held-tokens.js'
import { LeaseTrust } from './lease-trust.js'
import type { RedisKeys } from './redis-keys.js'
import { RedisTopology } from './redis-topology.js'
import { Restorer } from './restorer.js'
import type { Scripts } from './scripts.js'

export interface LeaseConfig {
  /** Names the session, in its tokens too. */
  readonly holder: string
  readonly leaseMs: Ms
  readonly renewMs: Ms
  /** How long Python may hold a message (D36). */
  readonly visibilityMs: Ms
  /** `HeldTokens.memory`. */
  readonly held: SharedArrayBuffer
  /** `LeaseTrust.memory`. */
  readonly trust: SharedArrayBuffer
}

export interface LeaseKeeperParts {
  readonly config: LeaseConfig
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly scripts: Scripts
  readonly clock: Clock
  readonly random: Random
  /** The clock of `LeaseTrust.until`. */
  monotonic(): Ms
  /**
   * The server keeps nothing any more of what it kept, or has forgotten this holder: others took it for dead, or somebody removed it.
   * Called once; nothing is renewed afterwards.
   */
  ended(how: 'wiped' | 'forgotten'): void
}

/** Part of the lease after which its owner no longer trusts it (D25). */
const TRUSTED = 0.8
/** Tokens of one call. */
const EXTENDED = 1000
/** Messages of one look for what nobody holds. */
const FOUND = 100

/**
 * Renews what its session holds, and puts back what nobody alive holds (D23–D26, D36). It has a connection of its own and,
 * in the product, a thread of its own, so that a task which blocks its event loop does not lose its lease.
 *
 * Every keeper sweeps; sweeps of several at once are harmless, since each message is put back by comparison.
 */
export class LeaseKeeper implements AsyncDisposable {
  readonly #parts: LeaseKeeperParts
  readonly #held: HeldTokens
  readonly #trust: LeaseTrust
  readonly #consumers: Consumers
  readonly #restorer: Restorer
  #timer: Disposable | undefined
  #tickedAt: Ms
  /** As first seen. */
  #epoch: string | undefined
  #stopped = false
  #ticking: Promise<void> = Promise.resolve()

  constructor(parts: LeaseKeeperParts) {
    const { connection, keys, scripts, config } = parts
    this.#parts = parts
    this.#held = new HeldTokens(config.held)
    this.#trust = new LeaseTrust(config.trust)
    const topology = new RedisTopology(connection, keys)
    this.#consumers = new Consumers({ connection, keys, topology })
    this.#restorer = new Restorer({ connection, keys, scripts, topology })
    this.#tickedAt = parts.monotonic()
    this.#trusted(this.#tickedAt)
    this.#wind()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    this.#timer?.[Symbol.dispose]()
    await this.#ticking
    await this.#parts.connection[Symbol.asyncDispose]()
  }

  #wind(): void {
    if (this.#stopped) return
    const { clock, random, config } = this.#parts
    this.#timer = clock.timer(config.renewMs * (1 - random.next() / 5), () => {
      this.#ticking = this.#tick()
    })
  }

  /** Never rejects: a connection that fails ends, and its owner hears of that. */
  async #tick(): Promise<void> {
    const { monotonic, config } = this.#parts
    const now = monotonic()
    // If we stood still, so may have the others, and all of them renew as late as we do: look for dead ones next time.
    const stoodStill = now - this.#tickedAt > 2 * config.renewMs
    this.#tickedAt = now
    try {
      const how = await this.#renew(now)
      if (how !== 'renewed') {
        this.#stopped = true
        this.#parts.ended(how)
        return
      }
      if (!stoodStill) await this.#sweep()
    } catch {
      // Tried again at the next tick; until then nothing is trusted longer than it should be.
    }
    this.#wind()
  }

  async #renew(now: Ms): Promise<'renewed' | 'wiped' | 'forgotten'> {
    const { connection, keys, scripts, config } = this.#parts
    const tokens = this.#held.numbers().map(number => config.holder + number)
    for (let at = 0; at === 0 || at < tokens.length; at += EXTENDED) {
      const wasEntered = this.#trust.entered
      const answer = await connection.run(
        'renewing leases',
        scripts.extend,
        [keys.unacked, keys.unackedIndex, keys.lease, keys.holders, keys.epoch, keys.consumers],
        [config.leaseMs, config.holder, ...tokens.slice(at, at + EXTENDED)],
      )
      // The script answers exactly this.
      const [epoch, entered] = answer as unknown as readonly [Buffer, number]
      this.#epoch ??= String(epoch)
      if (String(epoch) !== this.#epoch) return 'wiped'
      // What it holds is its own still; but nobody counts it as a consumer any more, and queues may have gone with it (H77).
      if (wasEntered && entered === 0 && this.#trust.entered) return 'forgotten'
    }
    this.#trusted(now)
    return 'renewed'
  }

  #trusted(renewedAt: Ms): void {
    this.#trust.until = renewedAt + this.#parts.config.leaseMs * TRUSTED
  }

  async #sweep(): Promise<void> {
    const { connection, keys, scripts, config } = this.#parts
    for (let more = true; more && !this.#stopped; ) {
      const answer = await connection.run(
        'looking for messages that nobody holds',
        scripts['find-dead'],
        [keys.unacked, keys.unackedIndex, keys.lease, keys.holders],
        [config.visibilityMs, FOUND],
      )
      // The script answers exactly this.
      const [holders, found] = answer as unknown as readonly [readonly Buffer[], readonly (Buffer | number)[]]
      for (const holder of holders) await this.#consumers.leave(String(holder))
      const lost = triples(found)
      const restored = await this.#restorer.restore(
        inOrder(lost).map(({ token, value, ours }) => ({
          token,
          value,
          how: ours ? 'dead' : 'clean',
          delay: undefined,
        })),
      )
      // When nothing could be put back, the next look would find the same.
      more = lost.length >= FOUND && restored.includes(true)
    }
  }
}

/** Each goes to the consuming end, so the oldest goes last: by number what a session of ours claimed, by age Python's. */
function inOrder(lost: readonly Lost[]): readonly Lost[] {
  const theirs = lost.filter(({ ours }) => !ours).toReversed()
  const ours = lost.filter(one => one.ours).map(one => ({ one, at: one.token.lastIndexOf(':') + 1 }))
  const holder = ({ one, at }: { readonly one: Lost; readonly at: number }): string => one.token.slice(0, at)
  const number = ({ one, at }: { readonly one: Lost; readonly at: number }): number => Number(one.token.slice(at))
  ours.sort((a, b) => (holder(a) < holder(b) ? -1 : holder(a) > holder(b) ? 1 : number(b) - number(a)))
  return [...theirs, ...ours.map(({ one }) => one)]
}

interface Lost {
  readonly token: string
  readonly value: Buffer
  readonly ours: boolean
}

function triples(flat: readonly (Buffer | number)[]): readonly Lost[] {
  const found: Lost[] = []
  for (let at = 0; at + 2 < flat.length; at += 3) {
    found.push({ token: String(flat[at]), value: flat[at + 1] as Buffer, ours: flat[at + 2] === 1 })
  }
  return found
}
