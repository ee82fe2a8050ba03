import { dirname, join, resolve } from 'node:path'
import { ConfigError } from '../lib/errors.js'
import { findModule, MODULE_EXTENSIONS, whatIsAt } from '../lib/node-find-file.js'

/** Where an App is to be found. */
export interface AppPlace {
  readonly file: string
  /** Name of the export, when `module:name` gave one. */
  readonly exportName: string | undefined
}

/** Files that hold the app when only their folder is known. */
const USUAL_NAMES: readonly string[] = ['app', 'tasks', 'index']

/**
 * Finds the module that `-A` (or `app` of the configuration) names: a file with or without extension, or a folder with
 * an `app`, `tasks` or `index` module; `:name` behind it names one export.
 *
 * @throws ConfigError `LVG_APP_NOT_FOUND`
 */
export function locateApp(wanted: string, folder: string): AppPlace {
  const { path, exportName } = split(resolve(folder, wanted))
  const file = moduleAt(path)
  if (file !== undefined) return { file, exportName }
  const looked =
    whatIsAt(path) === 'folder' ? `${USUAL_NAMES.join(', ')} in it` : `${path} with ${MODULE_EXTENSIONS.join(', ')}`
  throw new ConfigError(
    'LVG_APP_NOT_FOUND',
    `No app module at ${path} (looked for ${looked}). Give the file that exports the App: -A ./tasks.ts, LOVAGE_APP, or \`app\` in lovage.config.ts.${near(path)}`,
  )
}

/** The app of a folder without being told: `app` or `tasks`. */
export function usualApp(folder: string): AppPlace | undefined {
  const file = findModule(folder, ['app', 'tasks'])
  return file === undefined ? undefined : { file, exportName: undefined }
}

function split(wanted: string): { readonly path: string; readonly exportName: string | undefined } {
  const match = /^(.+):([A-Za-z_$][\w$]*)$/.exec(wanted)
  if (match === null || whatIsAt(wanted) !== undefined) return { path: wanted, exportName: undefined }
  return { path: match[1] ?? wanted, exportName: match[2] }
}

function moduleAt(path: string): string | undefined {
  const found = whatIsAt(path)
  if (found === 'file') return path
  return (found === 'folder' ? findModule(path, USUAL_NAMES) : undefined) ?? sibling(path)
}

/** `tasks` → `tasks.ts`; `tasks.js` → `tasks.ts`, as TypeScript writes its imports. */
function sibling(path: string): string | undefined {
  const bare = path.replace(/\.[mc]?js$/, '')
  for (const candidate of new Set([path, bare])) {
    const found = MODULE_EXTENSIONS.map(extension => `${candidate}${extension}`).find(file => whatIsAt(file) === 'file')
    if (found !== undefined) return found
  }
  return undefined
}

function near(path: string): string {
  const there = findModule(dirname(path), USUAL_NAMES)
  return there === undefined ? '' : ` There is ${join(there)}.`
}
