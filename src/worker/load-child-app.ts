import type { App } from '../app/app.js'
import { appExport } from '../app/app-export.js'
import { loadConfig } from '../app/load-config.js'
import type { SettingsInput } from '../app/settings.js'
import { nodeEnvironment } from '../lib/node-environment.js'
import { type Doors, loadModule } from '../lib/node-load-module.js'
import type { Runtime } from '../lib/runtime.js'
import type { AppSource } from './app-source.js'

/**
 * The worker's app, loaded anew in a child: the same modules under the same settings, with a runtime of its own.
 * Rejects as `loadModule`, `appExport` and `App.configure`.
 */
export async function loadChildApp(source: AppSource, runtime: Runtime, doors: Doors): Promise<App> {
  const { file, exportName, include, layers } = source
  const config = layers?.configFile === undefined ? undefined : await loadConfig(layers.configFile, '', doors)
  const { app } = appExport(file, await loadModule(file, doors), exportName)
  if (layers === undefined) app.configure(undefined, { runtime })
  else {
    const settings = { file: config?.settings as SettingsInput, flags: layers.flags as SettingsInput } // checked by configure
    app.configure({ ...settings, environment: nodeEnvironment() }, { runtime })
  }
  for (const module of include) await loadModule(module, doors)
  return app
}
