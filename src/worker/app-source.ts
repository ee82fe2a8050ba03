import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../lib/errors.js'
import { whatIsAt } from '../lib/node-find-file.js'

/** How another process comes to the same app. Travels as a structured clone. */
export interface AppSource {
  /** Absolute path of the module that exports it. */
  readonly file: string
  /** Which of its exports; undefined: `app`, the default one, or the only App. */
  readonly exportName: string | undefined
  /** Absolute paths of more modules that define tasks, loaded after it. */
  readonly include: readonly string[]
  /** What a command lays over the settings of the code, beside the environment; undefined: nothing. */
  readonly layers: AppLayers | undefined
}

export interface AppLayers {
  readonly configFile: string | undefined
  readonly flags: Readonly<Record<string, unknown>>
}

/**
 * The module of a worker option: a path, or a URL such as `import.meta.url`; `:name` behind it names an export.
 * Throws `ConfigError` `LVG_POOL_MODULE`.
 */
export function appSource(module: string | URL): AppSource {
  const { path, exportName } = split(pathOf(module))
  const file = isAbsolute(path) ? path : resolve(path)
  if (whatIsAt(file) !== 'file') {
    throw new ConfigError('LVG_POOL_MODULE', `Worker option \`module\`: there is no file ${file}.`)
  }
  return { file, exportName, include: [], layers: undefined }
}

function pathOf(module: string | URL): string {
  const text = String(module)
  try {
    return text.startsWith('file:') ? fileURLToPath(text) : text
  } catch (cause) {
    throw new ConfigError(
      'LVG_POOL_MODULE',
      `Worker option \`module\` must be the path or URL of a file, not ${text}.`,
      {
        cause,
      },
    )
  }
}

function split(path: string): { readonly path: string; readonly exportName: string | undefined } {
  const match = /^(.+):([A-Za-z_$][\w$]*)$/.exec(path)
  return match === null || whatIsAt(path) !== undefined
    ? { path, exportName: undefined }
    : { path: match[1] ?? path, exportName: match[2] }
}
