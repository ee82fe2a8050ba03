import type { Ms } from '../lib/time.js'

/** How long a closed chord is remembered at most: late parts may still arrive that long. A day. */
export const CLOSED_CHORD_TTL: Ms = 86_400_000
