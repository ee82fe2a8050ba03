/** Most deliveries one claim asks for: enough to share a transaction, few enough to start work early. */
export const CLAIM_BATCH = 100

/** Unsettled deliveries of a consumer that asked for no limit (L10). */
export const UNLIMITED_PREFETCH = 1_000

/** Bytes of unsettled deliveries per connection, beyond which its consumers stop asking (L10). */
export const HELD_BYTES: number = 256 * 1024 * 1024

export interface Window {
  /** As asked for; 0 = no limit, which is `UNLIMITED_PREFETCH`; below 0 = none. */
  readonly prefetch: number
  /** Claimed and not settled, by this consumer. */
  readonly held: number
  /** Claimed and not settled, by the whole connection, in bytes. */
  readonly heldBytes: number
  /** What a message weighed lately: how large the next ones may be is not known before the claim. */
  readonly expectedBytes: number
}

/** How many messages to claim now; 0 = wait until something is settled. */
export function claimLimit(window: Window): number {
  const room = (window.prefetch === 0 ? UNLIMITED_PREFETCH : window.prefetch) - window.held
  const bytes = HELD_BYTES - window.heldBytes
  if (room <= 0 || bytes <= 0) return 0
  return Math.min(room, CLAIM_BATCH, Math.max(1, Math.floor(bytes / Math.max(1, window.expectedBytes))))
}

/** The heaviest message of a claim counts at once, and is forgotten by an eighth with each claim. */
export function expectBytes(expected: number, heaviest: number): number {
  return Math.max(heaviest, expected - expected / 8)
}

/** Which queues to name in the next claim, and in which order: the one after the last that was served comes first. */
export function rotate<T>(queues: readonly T[], start: number): readonly T[] {
  return start === 0 ? queues : [...queues.slice(start), ...queues.slice(0, start)]
}
