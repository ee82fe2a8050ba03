import { ConfigError } from '../lib/errors.js'
import type { ModuleExports } from '../lib/node-load-module.js'
import { suggest } from '../lib/suggest.js'
import { App } from './app.js'

export interface AppExport {
  readonly app: App
  readonly name: string
}

/**
 * The App among what a module exports: the named one; else `app`, else the default export, else the only App there is.
 *
 * @throws ConfigError `LVG_APP_NOT_EXPORTED`, `LVG_APP_FOREIGN`
 */
export function appExport(file: string, exports: ModuleExports, wanted: string | undefined): AppExport {
  if (wanted !== undefined) return namedExport(file, exports, wanted)
  for (const name of ['app', 'default']) {
    const app = exports[name]
    if (app instanceof App) return { app, name }
  }
  const apps = Object.entries(exports).filter((each): each is [string, App] => each[1] instanceof App)
  const [only] = apps
  if (apps.length === 1 && only !== undefined) return { name: only[0], app: only[1] }
  if (apps.length > 1) {
    const names = apps.map(([name]) => name).join(', ')
    throw notExported(
      `${file} exports ${apps.length} Apps (${names}) and none is called app; name one: -A ${file}:${apps[0]?.[0]}`,
    )
  }
  if (Object.values(exports).some(looksLikeApp)) throw foreign(file)
  throw notExported(`${file} exports no App; it needs: export const app = new App('name')`)
}

function namedExport(file: string, exports: ModuleExports, wanted: string): AppExport {
  const app = exports[wanted]
  if (app instanceof App) return { app, name: wanted }
  if (looksLikeApp(app)) throw foreign(file)
  const near = suggest(wanted, Object.keys(exports))
  const hint = near === undefined ? '' : ` Did you mean ${file}:${near}?`
  throw notExported(
    `${file} exports ${app === undefined ? `nothing named ${wanted}` : `${wanted}, but it is no App`}.${hint}`,
  )
}

/** An App of another copy of lovage: the same shape, another class. */
function looksLikeApp(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof App) return false
  return 'sendTask' in value && 'task' in value && 'settings' in value
}

function notExported(message: string): ConfigError {
  return new ConfigError('LVG_APP_NOT_EXPORTED', message)
}

function foreign(file: string): ConfigError {
  return new ConfigError(
    'LVG_APP_FOREIGN',
    `The App in ${file} belongs to another installed copy of lovage than this command; run the command of the project: npx lovage …`,
  )
}
