/** A queue that was filled beforehand and is emptied by one worker; measured from its first run to its last. */
export interface Drain {
  readonly tasks: number
  readonly concurrency: number
  /** Each task's result is stored. */
  readonly results: boolean
  /** Events about each task are sent. Default false. */
  readonly events?: boolean
}
