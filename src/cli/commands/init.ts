import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { ConfigError } from '../../lib/errors.js'
import { packageVersion } from '../../lib/node-package-version.js'
import { type Command, defineCommand } from '../command.js'
import { CommandError } from '../errors.js'
import { EXIT } from '../exit-code.js'
import { project } from '../init/project.js'
import type { ProjectFile } from '../init/project-file.js'
import { flag, text } from '../option.js'
import { outside } from '../output.js'

export const init: Command = defineCommand({
  name: 'init',
  summary: 'Write a new project that works.',
  description:
    'Writes a project with an app, two tasks, a configuration with the safe profile and a program that sends tasks. Needs no broker: messages and results live in one SQLite file. Existing files are never overwritten.',
  arguments: [
    { name: 'folder', description: 'Where to write; made when missing. Default: this folder.', required: false },
  ],
  options: {
    javascript: flag('--javascript', 'JavaScript instead of TypeScript.'),
    name: text('--name <name>', 'Name of the project. Default: the name of the folder.'),
  },
  examples: [
    { line: 'lovage init shop', does: 'A TypeScript project in ./shop.' },
    { line: 'lovage init --javascript', does: 'A JavaScript project in this folder.' },
  ],
  run: async (context, options, io) => {
    const folder = resolve(io.cwd(), context.arguments['folder']?.[0] ?? '.')
    const name = projectName(options.name ?? basename(folder))
    const language = options.javascript ? 'javascript' : 'typescript'
    const files = project({ name, language, version: packageVersion() })
    write(folder, files)
    context.out.result({ folder, name, files: files.map(file => file.path) }, () => [
      `A ${options.javascript ? 'JavaScript' : 'TypeScript'} project named ${name} is in ${outside(folder)}:`,
      ...files.map(file => `  ${file.path}`),
      '',
      'Next:',
      `  cd ${outside(folder)} && npm install`,
      '  npm run worker      in one terminal',
      '  npm run send        in another',
    ])
    return EXIT.ok
  },
})

/** An npm package name: lower case, no leading dot or underscore, nothing that a URL would escape. */
function projectName(wanted: string): string {
  const name = wanted
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, 100)
  if (name !== '' && name !== 'lovage') return name
  throw new ConfigError(
    'LVG_PROJECT_NAME',
    `No project name can be made of ${JSON.stringify(wanted)}; give one with --name.`,
  )
}

function write(folder: string, files: readonly ProjectFile[]): void {
  const existing = files.filter(file => existsSync(join(folder, file.path))).map(file => file.path)
  if (existing.length > 0) {
    throw new ConfigError(
      'LVG_INIT_EXISTS',
      `${folder} already has ${existing.join(', ')}; nothing was written. Choose another folder, or move them away.`,
    )
  }
  try {
    mkdirSync(folder, { recursive: true })
    for (const file of files) writeFileSync(join(folder, file.path), file.text, { flag: 'wx' })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError('LVG_INIT_WRITE', `The project cannot be written to ${folder}: ${reason}.`, {
      exitCode: EXIT.io,
      cause,
    })
  }
}
