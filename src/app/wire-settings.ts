import { MASK, maskUrl } from '../lib/mask-url.js'
import { isDict } from '../protocol/dict.js'
import { pythonRepr } from '../protocol/python-repr.js'
import { snakeCase } from './camel-case.js'
import type { Setting } from './setting-types.js'
import { maskSetting, type Origin, type SettingName, type Settings } from './settings.js'
import { SETTINGS } from './settings-table.js'

/**
 * Settings as Celery's `inspect conf` shows them: under its names, spans in seconds, what is unset as null, what JSON cannot
 * carry as text, and without secrets. Source: celery/app/utils.py `Settings.table`, `filter_hidden_settings`.
 */
export function wireSettings(
  settings: Settings,
  origins: Readonly<Record<SettingName, Origin>>,
  { withDefaults }: { readonly withDefaults: boolean },
): Readonly<Record<string, unknown>> {
  const shown: Record<string, unknown> = {}
  for (const [name, row] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    if (!withDefaults && origins[name] === 'default') continue
    shown[snakeCase(name)] = wireValue(name, settings[name], row)
  }
  return shown
}

/** Names under which Celery shows nothing, whatever their value. */
const HIDDEN = /API|TOKEN|KEY|SECRET|PASS|PROFANITIES_LIST|SIGNATURE|DATABASE|BEAT_DBURI/i

function wireValue(name: SettingName, value: unknown, row: Setting): unknown {
  // Celery looks into what holds more settings instead, and hides those.
  if (HIDDEN.test(snakeCase(name)) && !isDict(value)) return MASK
  if (row.type === 'duration' && typeof value === 'number') return value / 1000
  if (row.type === 'retry-policy') return retryPolicy(value)
  return plain(maskSetting(name, value), 0)
}

/** Its spans are in ms here. */
function retryPolicy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return null
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      snakeCase(key),
      key.startsWith('interval') && typeof part === 'number' ? part / 1000 : part,
    ]),
  )
}

const MAX_DEPTH = 8

/** What JSON can carry; anything else as Python's `repr` would show it. */
function plain(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'undefined':
      return null
    case 'string':
      return maskUrl(value)
    case 'number':
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : plainObject(value, depth)
    default:
      return pythonRepr(value, 200)
  }
}

function plainObject(value: object, depth: number): unknown {
  if (depth >= MAX_DEPTH) return '...'
  if (Array.isArray(value)) return value.map(item => plain(item, depth + 1))
  if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null) {
    return pythonRepr(value, 200)
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith('__'))
      .map(([key, item]) => [key, HIDDEN.test(key) ? MASK : plain(item, depth + 1)]),
  )
}
