import { ConfigError } from '../lib/errors.js'
import { isSecretName, MASK, maskUrl } from '../lib/mask-url.js'
import { suggest } from '../lib/suggest.js'
import { camelCase, snakeCase } from './camel-case.js'
import { SETTING_READERS, type Setting, type SettingTypes } from './setting-types.js'
import { SETTINGS } from './settings-table.js'

type Table = typeof SETTINGS
export type SettingName = keyof Table

type InOf<S> = S extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : S extends { readonly type: infer T extends keyof SettingTypes }
    ? SettingTypes[T]['in']
    : never
type OutOf<S> = S extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : S extends { readonly type: infer T extends keyof SettingTypes }
    ? SettingTypes[T]['out']
    : never
type Unset<S, Word> = S extends { readonly default: null } | { readonly nullable: true } ? Word : never

/** What may be given for one setting. */
export type SettingInput<N extends SettingName> = InOf<Table[N]> | Unset<Table[N], null> | undefined

/** Prefixes that may be written as a group: `worker: { concurrency: 8 }` is `workerConcurrency: 8`. */
const GROUPS = [
  'broker',
  'publish',
  'task',
  'worker',
  'result',
  'limit',
  'security',
  'control',
  'event',
  'redis',
  'database',
  'beat',
] as const
type Group = (typeof GROUPS)[number]

type InGroup<G extends string, N extends string> = N extends `${G}${infer Rest}`
  ? Rest extends Capitalize<Rest>
    ? Uncapitalize<Rest>
    : never
  : never

/** Settings as a person gives them. A bare number of time is in seconds. */
export type SettingsInput = { readonly [N in SettingName]?: SettingInput<N> } & {
  readonly [G in Group]?: { readonly [N in SettingName as InGroup<G, N>]?: SettingInput<N> } | undefined
}

/** Settings as the rest of the house reads them: checked, complete, every span in ms, unset = undefined. */
export type Settings = Omit<
  { readonly [N in SettingName]: OutOf<Table[N]> | Unset<Table[N], undefined> },
  'brokerUrl'
> & { readonly brokerUrl: string }

/** Where a value came from. */
export type Origin = 'default' | 'profile' | 'code' | 'file' | 'environment' | 'flag'

/** The places settings come from; each wins over those before it. Keys may be written in any of Celery's styles. */
export interface SettingsLayers {
  /** `new App(name, { … })`. */
  readonly code?: SettingsInput | undefined
  /** `lovage.config.ts`. */
  readonly file?: SettingsInput | undefined
  /** All environment variables; `LOVAGE_…` and Celery's own four are read. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Command-line flags. */
  readonly flags?: SettingsInput | undefined
}

export interface ResolvedSettings {
  readonly settings: Settings
  readonly origins: Readonly<Record<SettingName, Origin>>
  /** Sentences for the log: settings without effect, environment names that look mistyped. */
  readonly warnings: readonly string[]
}

/** Types the object of `lovage.config.ts`; returns it as it is. */
export function defineConfig(settings: SettingsInput): SettingsInput {
  return settings
}

/**
 * Takes settings under any of their names (camelCase, Celery's snake_case or old upper-case ones), checks them, and
 * returns them under ours: the typed door for configurations that come from elsewhere. Throws `ConfigError`.
 */
export function settingsFrom(values: Readonly<Record<string, unknown>>): SettingsInput {
  const problems = new Problems()
  const found = readLayer('code', Object.entries(values), problems)
  problems.throwIfAny()
  return Object.fromEntries([...found].map(([name, given]) => [name, given.raw])) as SettingsInput
}

/**
 * Lays the layers over each other and checks everything. Throws one `ConfigError` that lists every problem:
 * `LVG_UNKNOWN_SETTING`, `LVG_BAD_SETTING`, `LVG_SETTING_TWICE`.
 */
export function resolveSettings(layers: SettingsLayers): ResolvedSettings {
  const problems = new Problems()
  const warnings: string[] = []
  const given = new Map<SettingName, Given>()
  for (const [origin, entries] of [
    ['code', Object.entries(layers.code ?? {})],
    ['file', Object.entries(layers.file ?? {})],
    ['environment', environmentEntries(layers.environment ?? {}, warnings)],
    ['flag', Object.entries(layers.flags ?? {})],
  ] as const) {
    for (const [name, value] of readLayer(origin, entries, problems)) given.set(name, value)
  }
  problems.throwIfAny()
  for (const [name, { written }] of given) warnings.push(...effectWarnings(name, written))
  const completed = complete(given)
  checkTogether(completed.settings, problems)
  problems.throwIfAny()
  return { ...completed, warnings }
}

/** The environment variable of a setting: `LOVAGE_BROKER_URL`. */
export function environmentName(name: SettingName): string {
  return `LOVAGE_${snakeCase(name).toUpperCase()}`
}

/** The value of a setting as it may be shown: no passwords, at any depth (S80). */
export function maskSetting(name: string, value: unknown): unknown {
  if (value === undefined || value === null || typeof value === 'boolean' || typeof value === 'number') return value
  if (isSecretName(name) && value !== '') return MASK
  if (typeof value === 'string') return maskUrl(value)
  if (Array.isArray(value)) return value.map(item => maskSetting('', item))
  if (typeof value !== 'object') return `[${typeof value}]`
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskSetting(key, item)]))
}

interface Given {
  readonly origin: Origin
  /** The key as it was written. */
  readonly written: string
  readonly raw: unknown
  /** Undefined = explicitly unset. */
  readonly value: unknown
}

type Entry = readonly [key: string, value: unknown]

/** Values of `profile: 'safe'`, unless given. */
const SAFE: Partial<Settings> = {
  taskAcksLate: true,
  taskRejectOnWorkerLost: true,
  taskMaxDeliveries: 3,
  workerPrefetchMultiplier: 1,
}

const EMBEDDED_BROKER = 'sqlite:///lovage.db'
const EMBEDDED_BACKEND = 'db+sqlite:///lovage.db'

function complete(given: ReadonlyMap<SettingName, Given>): Pick<ResolvedSettings, 'settings' | 'origins'> {
  const values: Record<string, unknown> = { ...DEFAULTS }
  const origins: Record<string, Origin> = { ...ALL_DEFAULT }
  if (given.get('profile')?.value === 'safe') {
    for (const [name, value] of Object.entries(SAFE)) {
      values[name] = value
      origins[name] = 'profile'
    }
  }
  for (const [name, { value, origin }] of given) {
    values[name] = value
    origins[name] = origin
  }
  if (values['brokerUrl'] === undefined) {
    values['brokerUrl'] = EMBEDDED_BROKER
    if (!given.has('resultBackend')) values['resultBackend'] = EMBEDDED_BACKEND
  }
  return {
    // Every name of the table has been given a value its own reader made.
    settings: Object.freeze(values) as unknown as Settings,
    origins: Object.freeze(origins) as Record<SettingName, Origin>,
  }
}

function defaultOf(name: SettingName): unknown {
  const row = rowOf(name)
  return row.default === null ? undefined : SETTING_READERS[row.type].read(row.default, row)
}

function readLayer(origin: Origin, entries: readonly Entry[], problems: Problems): Map<SettingName, Given> {
  const found = new Map<SettingName, Given>()
  for (const [written, raw] of flatten(entries)) {
    if (raw === undefined) continue
    const name = ALIASES.get(written) ?? ALIASES.get(camelCase(written))
    if (name === undefined) {
      problems.unknown(written, origin)
      continue
    }
    const before = found.get(name)
    if (before !== undefined) problems.twice(name, before.written, written, origin)
    const value = readValue(name, written, raw, origin, problems)
    found.set(name, { origin, written, raw, value })
  }
  return found
}

/** Groups opened: `worker: { concurrency: 8 }` becomes `worker.concurrency`. */
function flatten(entries: readonly Entry[]): readonly Entry[] {
  return entries.flatMap(([key, value]) => {
    const group = GROUPS.find(name => name === key)
    if (group === undefined || typeof value !== 'object' || value === null) return [[key, value]]
    return Object.entries(value).map(([inner, item]): Entry => [`${key}.${inner}`, item])
  })
}

function readValue(name: SettingName, written: string, raw: unknown, origin: Origin, problems: Problems): unknown {
  const row = rowOf(name)
  if (raw === null) {
    if (row.default !== null && row.nullable !== true) problems.bad(name, written, raw, origin)
    return undefined
  }
  const reader = SETTING_READERS[row.type]
  const isText = typeof raw === 'string' && (origin === 'environment' || origin === 'flag')
  const value = reader.read(isText ? (reader.fromText?.(raw) ?? raw) : raw, row)
  if (value === undefined) problems.bad(name, written, raw, origin)
  return value
}

/** Celery's own variables; `LOVAGE_…` wins over them. */
const CELERY_VARIABLES: readonly (readonly [string, SettingName])[] = [
  ['CELERY_BROKER_URL', 'brokerUrl'],
  ['CELERY_BROKER_READ_URL', 'brokerReadUrl'],
  ['CELERY_BROKER_WRITE_URL', 'brokerWriteUrl'],
  ['CELERY_RESULT_BACKEND', 'resultBackend'],
]

/** Entries keyed by setting name. Empty variables count as unset. */
function environmentEntries(environment: Readonly<Record<string, string | undefined>>, warnings: string[]): Entry[] {
  const found = new Map<string, unknown>()
  for (const [variable, name] of CELERY_VARIABLES) {
    if (environment[variable]) found.set(name, environment[variable])
  }
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('LOVAGE_') || !value) continue
    const name = camelCase(variable.slice('LOVAGE_'.length))
    if (Object.hasOwn(SETTINGS, name)) {
      found.set(name, value)
      continue
    }
    const near = suggest(name, NAMES)
    if (near !== undefined) {
      warnings.push(
        `Environment variable ${variable} is not read; did you mean ${environmentName(near as SettingName)}?`,
      )
    }
  }
  return [...found]
}

/** Largest message that AMQP peers and stores can be asked to carry (L01): fixed. */
const MESSAGE_BYTES = 128 * 1024 * 1024

/** What each setting alone cannot say. */
function checkTogether({ leaseTime, leaseRenewInterval, limitMessageBytes }: Settings, problems: Problems): void {
  if (leaseTime < 2 * leaseRenewInterval || leaseRenewInterval <= 0) {
    problems.together(
      `Setting \`leaseTime\` (${leaseTime / 1000} s) must be at least twice \`leaseRenewInterval\` (${leaseRenewInterval / 1000} s), which must be above 0: otherwise live workers lose their leases.`,
    )
  }
  if (limitMessageBytes > MESSAGE_BYTES) {
    problems.together(
      `Setting \`limitMessageBytes\` must be at most ${MESSAGE_BYTES} (128 MiB); it is ${limitMessageBytes}.`,
    )
  }
}

/** A setting that is accepted for the sake of existing configurations says that it does nothing. */
function effectWarnings(name: SettingName, written: string): readonly string[] {
  const { idle, later, doc } = rowOf(name)
  if (idle) return [`Setting \`${written}\` has no effect: ${doc}`]
  return later ? [`Setting \`${written}\` has no effect yet: this version lacks what it is for. ${doc}`] : []
}

/** Collects what is wrong, so that a person mends everything in one go. */
class Problems {
  readonly #found: { readonly code: string; readonly text: string }[] = []

  unknown(written: string, origin: Origin): void {
    const near = suggest(written, [...NAMES, ...GROUPS])
    const hint = near === undefined ? '' : ` Did you mean \`${near}\`?`
    this.#add('LVG_UNKNOWN_SETTING', `Unknown setting \`${written}\` (${origin}).${hint}`)
  }

  twice(name: SettingName, first: string, second: string, origin: Origin): void {
    const text = `Setting \`${name}\` is given twice (${origin}): as \`${first}\` and as \`${second}\`. Keep one.`
    this.#add('LVG_SETTING_TWICE', text)
  }

  bad(name: SettingName, written: string, raw: unknown, origin: Origin): void {
    const row = rowOf(name)
    const expects = row.choices === undefined ? SETTING_READERS[row.type].expects : `one of ${row.choices.join(', ')}`
    const shown = origin === 'environment' ? environmentName(name) : written
    const text = `Setting \`${shown}\` (${origin}) must be ${expects}; it is ${show(name, raw)}.`
    this.#add('LVG_BAD_SETTING', text)
  }

  together(text: string): void {
    this.#add('LVG_BAD_SETTING', text)
  }

  throwIfAny(): void {
    const [first] = this.#found
    if (first === undefined) return
    const texts = this.#found.map(problem => problem.text)
    throw new ConfigError(
      first.code,
      texts.length === 1 ? first.text : `${texts.length} problems:\n- ${texts.join('\n- ')}`,
    )
  }

  #add(code: string, text: string): void {
    this.#found.push({ code, text })
  }
}

function show(name: string, raw: unknown): string {
  const masked = maskSetting(name, raw)
  const text = typeof masked === 'string' ? `'${masked}'` : (JSON.stringify(masked) ?? String(masked))
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

function rowOf(name: SettingName): Setting {
  return SETTINGS[name]
}

/** Every name of every setting, in any style, with the setting it means. */
export const SETTING_ALIASES: ReadonlyMap<string, SettingName> = aliases()
const ALIASES = SETTING_ALIASES
/** In the order of the table. */
const NAMES = Object.keys(SETTINGS) as SettingName[]
/** Read once: a process may hold many apps, as simulations do. */
const DEFAULTS: Readonly<Record<string, unknown>> = Object.fromEntries(NAMES.map(name => [name, defaultOf(name)]))
const ALL_DEFAULT: Readonly<Record<string, Origin>> = Object.fromEntries(NAMES.map(name => [name, 'default']))

function aliases(): Map<string, SettingName> {
  const found = new Map<string, SettingName>()
  for (const [key, row] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    const snake = snakeCase(key)
    const upper = snake.toUpperCase()
    for (const alias of [key, snake, upper, `CELERY_${upper}`, row.old]) {
      if (alias !== undefined) found.set(alias, key)
    }
    const group = GROUPS.find(name => key.startsWith(name) && /^[A-Z]/.test(key.slice(name.length)))
    if (group === undefined) continue
    const inner = key.slice(group.length)
    const innerCamel = inner.charAt(0).toLowerCase() + inner.slice(1)
    found.set(`${group}.${innerCamel}`, key)
    found.set(`${group}.${snakeCase(innerCamel)}`, key)
  }
  return found
}
