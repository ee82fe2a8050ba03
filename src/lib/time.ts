/** A span of time in milliseconds. Inside Lovage every duration is one of these; seconds exist only at the wire and in settings. */
export type Ms = number

/** Wall time: milliseconds since 1970-01-01T00:00:00Z. Only for stamps that leave the process (`eta`, `expires`, `date_done`). */
export type EpochMs = number

/** Steady time: milliseconds on a clock that never steps back, from an arbitrary start. For measuring and waiting. */
export type SteadyMs = number
