import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type AppExport, appExport } from '../app/app-export.js'
import { type LoadedConfig, loadConfig } from '../app/load-config.js'
import { App, type SettingsInput } from '../index.js'
import { ConfigError } from '../lib/errors.js'
import { maskUrl } from '../lib/mask-url.js'
import { whatIsAt } from '../lib/node-find-file.js'
import { loadModule, type ModuleExports } from '../lib/node-load-module.js'
import type { LoadAppOptions } from './command.js'
import { doors } from './doors.js'
import type { GlobalOptions, LogLevelName } from './global-options.js'
import type { Io } from './io.js'
import { LoadedApp } from './loaded-app.js'
import { type AppPlace, locateApp, usualApp } from './locate-app.js'
import type { Output } from './output.js'

export interface LoadAppParts {
  readonly global: GlobalOptions
  readonly io: Io
  readonly out: Output
}

/**
 * Loads the app that `-A`, the configuration or the folder names, and lays the settings of file, environment and command
 * line over its own. Without any module a broker URL makes a bare app: enough to send tasks and look after queues.
 *
 * @throws ConfigError when there is no app, its module cannot be loaded, or a setting makes no sense
 */
export async function loadApp({ global, io, out }: LoadAppParts, options: LoadAppOptions): Promise<LoadedApp> {
  const config = await loadConfig(global.config, configFolder(global, io.cwd()), doors)
  const place = findApp(global, config, io.cwd())
  const flags = { ...globalSettings(global, io, out), ...options.flags }
  const found = place === undefined ? bareApp(flags, config, io, options) : await importApp(place)
  // Whatever stands in them is checked when they are laid over each other.
  const layers = { file: config?.settings as SettingsInput, environment: io.env, flags: flags as SettingsInput }
  const from = { file: place?.file, exportName: place?.exportName, configFile: config?.file, exports: found.exports }
  const loaded = new LoadedApp(found.app, from, layers, { color: !global.noColor })
  if (options.needsTasks === true) await loaded.include(moreModules(loaded.app, options.include ?? [], io.cwd()))
  return loaded
}

/** Modules that are loaded for the tasks they define. */
function moreModules(app: App, include: readonly string[], cwd: string): readonly string[] {
  const { settings } = app
  return [...settings.imports, ...settings.include, ...include].map(module => locateApp(module, cwd).file)
}

/** A folder after `-A` brings its own configuration. */
function configFolder(global: GlobalOptions, cwd: string): string {
  const folder = global.app === undefined ? undefined : resolve(cwd, global.app)
  return folder !== undefined && whatIsAt(folder) === 'folder' ? folder : cwd
}

function findApp(global: GlobalOptions, config: LoadedConfig | undefined, cwd: string): AppPlace | undefined {
  const wanted = global.app
  const isFolder = wanted !== undefined && whatIsAt(resolve(cwd, wanted)) === 'folder'
  if (config?.app !== undefined && (wanted === undefined || isFolder)) return locateApp(config.app, cwd)
  return wanted === undefined ? usualApp(cwd) : locateApp(wanted, cwd)
}

async function importApp(place: AppPlace): Promise<AppExport & { readonly exports: ModuleExports }> {
  const exports = await loadModule(place.file, doors)
  return { ...appExport(place.file, exports, place.exportName), exports }
}

function bareApp(
  flags: Readonly<Record<string, unknown>>,
  config: LoadedConfig | undefined,
  io: Io,
  options: LoadAppOptions,
): { readonly app: App; readonly exports: ModuleExports } {
  const told = [
    flags['brokerUrl'],
    io.env['LOVAGE_BROKER_URL'],
    io.env['CELERY_BROKER_URL'],
    config?.settings['brokerUrl'],
  ]
  if (options.needsTasks !== true && told.some(url => url !== undefined && url !== '')) {
    return { app: new App('lovage', {}, { environment: {} }), exports: {} }
  }
  throw new ConfigError(
    'LVG_APP_NOT_FOUND',
    `No app: there is no app or tasks module in ${io.cwd()}. Name the file that exports the App: -A ./tasks.ts, LOVAGE_APP, or \`app\` in lovage.config.ts${options.needsTasks === true ? '' : '; or, without an app, a broker: -b URL'}. lovage init writes a project.`,
  )
}

const LEVELS: Readonly<Partial<Record<LogLevelName, string>>> = { warn: 'warning', fatal: 'critical' }

function globalSettings(global: GlobalOptions, io: Io, out: Output): Readonly<Record<string, unknown>> {
  const { loglevel } = global
  const found = {
    brokerUrl: secret('--broker', global.broker, global.brokerFile, 'LOVAGE_BROKER_URL', io, out),
    resultBackend: secret(
      '--result-backend',
      global.resultBackend,
      global.resultBackendFile,
      'LOVAGE_RESULT_BACKEND',
      io,
      out,
    ),
    logLevel: loglevel === undefined ? undefined : (LEVELS[loglevel] ?? loglevel),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

/** A URL given on the command line or in a file; everybody on the machine can read the former (S81). */
function secret(
  option: string,
  url: string | undefined,
  file: string | undefined,
  variable: string,
  io: Io,
  out: Output,
): string | undefined {
  if (file !== undefined) return firstLine(`${option}-file`, resolve(io.cwd(), file))
  if (url !== undefined && maskUrl(url) !== url) {
    out.warn(`the password in ${option} can be seen in the list of processes; better: ${variable}, or ${option}-file`)
  }
  return url
}

function firstLine(option: string, file: string): string {
  try {
    return (readFileSync(file, 'utf8').split('\n', 1)[0] ?? '').trim()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('LVG_SECRET_FILE', `The file of ${option}, ${file}, cannot be read: ${reason}.`, { cause })
  }
}
