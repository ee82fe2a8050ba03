import { type Command, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { flag } from '../option.js'
import { outside } from '../output.js'
import { shownSettings } from '../shown-settings.js'
import { textTable } from '../text-table.js'

export const config: Command = defineCommand({
  name: 'config',
  summary: 'Show the settings in effect and where each comes from.',
  description:
    'Shows each setting with its value and origin: default, profile, code (new App), file (lovage.config), environment, or flag (the command line); later ones win. Spans of time are in milliseconds. Passwords and other secrets are masked.',
  options: { changed: flag('--changed', 'Only those that are not defaults.') },
  examples: [{ line: 'lovage config --changed -A tasks.ts', does: 'What has been set, and where.' }],
  run: async (context, options) => {
    const { app, from } = await context.loadApp()
    const rows = shownSettings(app).filter(each => !options.changed || each.origin !== 'default')
    context.out.result({ app: app.name, module: from.file, config: from.configFile, settings: rows }, () =>
      textTable(
        ['SETTING', 'VALUE', 'ORIGIN'],
        rows.map(({ name, value, origin }) => [name, value === undefined ? '-' : outside(value), origin]),
      ),
    )
    return EXIT.ok
  },
})
