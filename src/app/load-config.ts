import { dirname, resolve } from 'node:path'
import { ConfigError } from '../lib/errors.js'
import { findModule, whatIsAt } from '../lib/node-find-file.js'
import { type Doors, loadModule } from '../lib/node-load-module.js'

/** What `lovage.config.ts` says. */
export interface LoadedConfig {
  readonly file: string
  /** Its `app`, as an absolute path with the optional `:name`. */
  readonly app: string | undefined
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * Reads the file of `--config`, or `lovage.config.{ts,mts,js,mjs}` in `folder` when there is one.
 *
 * @throws ConfigError `LVG_CONFIG_FILE` when it is missing or exports no settings; what `loadModule` throws
 */
export async function loadConfig(
  wanted: string | undefined,
  folder: string,
  doors: Doors,
): Promise<LoadedConfig | undefined> {
  const file = wanted === undefined ? findModule(folder, ['lovage.config']) : resolve(folder, wanted)
  if (file === undefined) return undefined
  if (whatIsAt(file) !== 'file') {
    throw new ConfigError('LVG_CONFIG_FILE', `There is no configuration file ${file} (--config or LOVAGE_CONFIG).`)
  }
  const { default: exported } = await loadModule(file, doors)
  if (!isObject(exported)) {
    throw new ConfigError(
      'LVG_CONFIG_FILE',
      `${file} exports no settings; it needs: export default defineConfig({ … })`,
    )
  }
  const app = exported['app']
  if (app !== undefined && app !== null && typeof app !== 'string') {
    throw new ConfigError('LVG_CONFIG_FILE', `\`app\` in ${file} must be the path of a module, such as './tasks.ts'.`)
  }
  return { file, app: typeof app === 'string' ? resolve(dirname(file), app) : undefined, settings: exported }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
