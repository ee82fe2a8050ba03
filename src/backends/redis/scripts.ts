import { loadScripts, type RedisScript } from '../../drivers/redis/redis-script.js'

const VERBS = [
  'add-revocations',
  'add-to-chord',
  'arrive',
  'claim-quiet',
  'close',
  'open-chord',
  'revocations-after',
  'store',
] as const

export type Scripts = Readonly<Record<(typeof VERBS)[number], RedisScript>>

export function loadBackendScripts(): Scripts {
  return loadScripts(new URL('./lua/', import.meta.url), VERBS)
}
