/** What a proxy has seen and done. */
export interface ChaosCounts {
  /** Connections that were accepted. */
  readonly accepted: number
  /** Those that are open. */
  readonly open: number
  /** Connections that a verb, a cut or a landmark broke. */
  readonly broken: number
  readonly bytesUp: number
  readonly bytesDown: number
  /** Landmarks and cuts that were reached. */
  readonly hits: number
  /** Units that passed, by name: `basic.publish`, `reply:EVALSHA`, `CommandComplete`. Only with `wire`. */
  readonly units: ReadonlyMap<string, number>
}
