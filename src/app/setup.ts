import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import type { Control } from '../control/control.js'
import type { Runtime } from '../lib/runtime.js'
import { type Configured, configured } from './configured.js'
import type { Extension } from './extension.js'
import { Opened, type OpenedParts } from './opened.js'
import type { SettingsInput, SettingsLayers } from './settings.js'

/** Parts that an app is given instead of making them; it does not close what it was given. */
export interface AppParts {
  readonly runtime?: Runtime
  readonly broker?: Broker
  readonly backend?: ResultBackend
  /** Environment variables. Default: those of the process; none when a `runtime` is given. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** What a test puts in the place of an app's own parts. */
export interface Substitutes {
  readonly runtime?: Runtime
  readonly broker?: Broker
  readonly backend?: ResultBackend
  /** Laid over all other settings. */
  readonly settings?: SettingsInput
  /** Used innermost. */
  readonly extension?: Extension
}

/** What a setup follows from. */
interface Given {
  readonly parts: Pick<AppParts, 'broker' | 'backend'>
  readonly runtime: Runtime
  readonly layers: SettingsLayers
  /** In the order of `use`; the first is outermost. */
  readonly extensions: readonly Extension[]
}

/** How an app is set up for now. A value: whoever lays another one in its place can put it back as it was. */
export interface Setup extends Given {
  readonly configured: Configured
  /** Who sends: `gen<pid>@<host>`. */
  readonly origin: string
  readonly opened: Opened
}

/** What is opened asks of its app. */
export interface SetupApp extends Pick<OpenedParts, 'replyTo' | 'publishIds' | 'resultBackend' | 'sent'> {
  readonly control: Pick<Control, 'heartbeat'>
}

/** With nothing open. Logs the warnings of settings. Throws `ConfigError` for settings that make no sense. */
export function createSetup(given: Given, app: SetupApp): Setup {
  const { parts, runtime, layers, extensions } = given
  const { pid, name } = runtime.host
  const made = configured(layers, runtime)
  const origin = `gen${pid}@${name}`
  const opened = new Opened({
    runtime,
    configured: made,
    broker: parts.broker,
    backend: parts.backend,
    origin,
    replyTo: app.replyTo,
    publishIds: app.publishIds,
    resultBackend: () => app.resultBackend(),
    sent: outgoing => app.sent(outgoing),
    wakeUp: async () => void (await app.control.heartbeat()),
  })
  return { parts, runtime, layers, extensions, configured: made, origin, opened }
}

/** The same app with other layers over the settings of its code, or another runtime; undefined = those it has. Throws as `createSetup`. */
export function reconfigured(
  setup: Setup,
  layers: Omit<SettingsLayers, 'code'> | undefined,
  runtime: Runtime | undefined,
  app: SetupApp,
): Setup {
  const next = layers === undefined ? setup.layers : { ...layers, code: setup.layers.code }
  return createSetup({ ...setup, layers: next, runtime: runtime ?? setup.runtime }, app)
}

/** The same app with what a test gives in the place of its own. Throws as `createSetup`. */
export function substituted(setup: Setup, given: Substitutes, app: SetupApp): Setup {
  const { settings, extension, ...parts } = given
  const { layers, runtime, extensions } = setup
  return createSetup(
    {
      parts: { ...setup.parts, ...parts },
      runtime: parts.runtime ?? runtime,
      layers: { ...layers, flags: { ...layers.flags, ...settings } },
      extensions: extension === undefined ? extensions : [...extensions, extension],
    },
    app,
  )
}
