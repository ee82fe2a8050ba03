import { arch, release, type as system } from 'node:os'
import type { App } from '../../index.js'
import { packageVersion } from '../../lib/node-package-version.js'
import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import type { Io } from '../io.js'
import type { LoadedApp } from '../loaded-app.js'
import { outside } from '../output.js'
import { shownSettings } from '../shown-settings.js'

export const report: Command = defineCommand({
  name: 'report',
  summary: 'Print what a bug report needs.',
  description:
    'Prints versions, the platform, where the app was found, its queues and tasks, and the settings that differ from their defaults. Passwords and other secrets are masked.',
  options: {},
  examples: [{ line: 'lovage report -A tasks.ts', does: 'Text to paste into an issue.' }],
  run: async (context, _options, io) => {
    const loaded = await context.loadApp()
    const found = { ...platform(io), ...appPart(loaded), settings: changed(loaded.app) }
    context.out.result(found, () => [
      ...Object.entries({ ...platform(io), ...appPart(loaded) }).map(
        ([name, value]) => `${`${name}:`.padEnd(10)} ${shown(value)}`,
      ),
      'settings that differ from their defaults:',
      ...Object.entries(found.settings).map(([name, value]) => `  ${name}: ${outside(value)}`),
    ])
    return EXIT.ok
  },
})

function platform(io: Io) {
  return {
    lovage: packageVersion(),
    node: io.nodeVersion,
    platform: `${system()} ${release()} ${arch()}`,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    kubernetes: io.env['KUBERNETES_SERVICE_HOST'] !== undefined,
  }
}

function appPart({ app, from }: LoadedApp) {
  return {
    app: app.name,
    module: from.file,
    config: from.configFile,
    queues: app.queues.declared.map(queue => queue.name),
    tasks: [...app.tasks.keys()].toSorted(),
  }
}

function changed(app: App): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    shownSettings(app)
      .filter(each => each.origin !== 'default')
      .map(each => [each.name, each.value]),
  )
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.map(outside).join(', ') : value === undefined ? 'none' : outside(value)
}
