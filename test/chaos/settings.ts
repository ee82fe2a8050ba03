/** What the processes of a chaos run are told: through the environment, so that `lovage worker` can be told as well. */
export interface ChaosSettings {
  /** Absolute path of the SQLite file: broker and result backend. */
  readonly database: string
  /** Absolute path of the process's own journal. */
  readonly journal: string
  /** Node name of a worker. */
  readonly name: string
  readonly acks: 'late' | 'early'
  readonly concurrency: number
  readonly prefetchMultiplier: number
  readonly maxDeliveries: number
  readonly durability: 'full' | 'os'
  /** Seconds. */
  readonly leaseTime: number
  /** Seconds. */
  readonly leaseRenewInterval: number
}

const VARIABLE = 'LOVAGE_CHAOS'

export function environmentOf(settings: ChaosSettings): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(settings) }
}

export function settingsOfProcess(): ChaosSettings {
  // Written by `environmentOf`.
  return JSON.parse(process.env[VARIABLE] ?? '') as ChaosSettings
}
