import type { SettingsInput } from '../../../src/app/settings.js'

/** A broker that cases are played on: a place of one's own on a server that others may use too. */
export interface HaltingPlace {
  readonly name: 'redis' | 'postgres' | 'rabbitmq' | 'rabbitmq-quorum'
  /** Options of `test`: skips by name when the server is not there. */
  readonly needed: { readonly skip?: string }
  /** Known when the server is there. */
  url(): string
  /** Over those of the cases: how soon a silent connection is noticed, kinds of queues. */
  readonly settings: SettingsInput
  /** On RabbitMQ: as an administrator would. */
  deleteQueue(name: string): Promise<void>
}

export function isAmqp({ name }: HaltingPlace): boolean {
  return name.startsWith('rabbitmq')
}

/** `test` of `node:test`, or what collects names. */
export type RegisterCase = (name: string, options: { readonly skip?: string }, body: () => Promise<void>) => unknown
