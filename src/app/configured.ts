import type { Runtime } from '../lib/runtime.js'
import type { Codec } from '../protocol/codec.js'
import { createCodec } from '../protocol/create-codec.js'
import { DEFAULT_LIMITS, type Limits } from '../protocol/limits.js'
import { EventWire } from './event-wire.js'
import { Queues } from './queues.js'
import { Router } from './router.js'
import { type ResolvedSettings, resolveSettings, type Settings, type SettingsLayers } from './settings.js'
import { signing } from './signing.js'

/** All that follows from the settings. */
export interface Configured extends ResolvedSettings {
  readonly limits: Limits
  /** For task messages. */
  readonly codec: Codec
  readonly resultCodec: Codec
  readonly queues: Queues
  readonly router: Router
  /** How events travel. */
  readonly eventWire: EventWire
}

/** Logs the warnings of settings. Throws `ConfigError` for settings that make no sense. */
export function configured(layers: SettingsLayers, runtime: Runtime): Configured {
  const resolved = resolveSettings(layers)
  const { settings } = resolved
  for (const warning of resolved.warnings) runtime.log.warning(warning)
  const limits = limitsOf(settings)
  const queues = new Queues(settings)
  const accept = settings.acceptContent
  const signed = signing(settings, runtime)
  const common = { plainTypes: settings.jsonPlainTypes, ...(signed === undefined ? {} : { signing: signed }) }
  return {
    ...resolved,
    limits,
    codec: createCodec({ ...common, serializer: settings.taskSerializer, accept, limits }),
    resultCodec: createCodec({
      ...common,
      serializer: settings.resultSerializer,
      accept: settings.resultAcceptContent ?? accept,
      // A result has a bound of its own (L12), which says so itself.
      limits: { ...limits, messageBytes: Number.POSITIVE_INFINITY, bodyBytes: Number.POSITIVE_INFINITY },
    }),
    queues,
    router: new Router(settings, queues),
    eventWire: new EventWire(settings, limits, signed),
  }
}

function limitsOf(settings: Settings): Limits {
  return {
    ...DEFAULT_LIMITS,
    messageBytes: settings.limitMessageBytes,
    bodyBytes: settings.limitBodyBytes,
    depth: settings.limitDepth,
    values: settings.limitValues,
    headers: settings.limitHeaders,
    headerBytes: settings.limitHeaderBytes,
    resultBytes: settings.resultMaxBytes,
  }
}
