import type { SettingsInput } from '../../app/settings.js'

/** What the processes of a run are told: through the environment, so that `lovage worker` can be told as well. */
export interface ChaosSettings {
  readonly brokerUrl: string
  readonly resultBackend: string
  /** Absolute path of the process's own journal. */
  readonly journal: string
  /** Node name of a worker. */
  readonly name: string
  readonly acks: 'late' | 'early'
  readonly concurrency: number
  /** Of the app: prefetch, leases, poison limit … Plain data. */
  readonly settings: SettingsInput
}

const VARIABLE = 'LOVAGE_CHAOS'

export function environmentOf(settings: ChaosSettings): Readonly<Record<string, string>> {
  return { [VARIABLE]: JSON.stringify(settings) }
}

export function settingsOfProcess(): ChaosSettings {
  // Written by `environmentOf`.
  return JSON.parse(process.env[VARIABLE] ?? '') as ChaosSettings
}
