import { loadScripts, type RedisScript } from '../../drivers/redis/redis-script.js'

const VERBS = [
  'ack',
  'begin',
  'claim',
  'count',
  'current',
  'extend',
  'find-dead',
  'look',
  'push',
  'restore',
  'turns',
] as const

export type Scripts = Readonly<Record<(typeof VERBS)[number], RedisScript>>

/** What takes messages out of a server whose memory is full, so that there is room again. */
const DRAINING: readonly (typeof VERBS)[number][] = ['ack', 'begin', 'claim', 'extend', 'find-dead', 'restore']

export function loadBrokerScripts(): Scripts {
  return loadScripts(new URL('./lua/', import.meta.url), VERBS, DRAINING)
}
