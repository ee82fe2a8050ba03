import type { PushEntry } from '../virtual/queue-store.js'
import type { Destination } from './redis-topology.js'

/** On its way: it reaches something. */
export interface Sent {
  readonly entry: PushEntry
  readonly destination: Destination
}

/** An event, to whoever listens. */
export interface Told extends Sent {
  readonly destination: Extract<Destination, { readonly kind: 'channel' }>
}

/** Messages of one publishing script. */
const BATCH = 100

export function isTold(one: Sent): one is Told {
  return one.entry.once === true && one.destination.kind === 'channel'
}

/** In their order: what one script publishes together, and what needs none. */
export function pushParts(sent: readonly Sent[]): readonly (Told | readonly Sent[])[] {
  const parts: (Told | Sent[])[] = []
  for (const one of sent) {
    const last = parts.at(-1)
    if (isTold(one)) parts.push(one)
    else if (Array.isArray(last) && last.length < BATCH) last.push(one)
    else parts.push([one])
  }
  return parts
}
