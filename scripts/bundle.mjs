// Makes the JavaScript of the package out of what TypeScript compiled: few files instead of one for each source, because the
// start of a program is mostly loading. The code is TypeScript's, put together; nothing is minified.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { rolldown } from 'rolldown'

/** What `exports` and `bin` of package.json name. */
const DOORS = ['index.js', 'worker.js', 'beat.js', 'ports.js', 'testing.js', 'otel.js', 'prometheus.js', 'cli/main.js']

/**
 * What lies in one file: all that these modules import, and their imports, without what is in an earlier group. The order
 * is that of need: threads load the first only, clients the first two. What is in none is divided by who needs it.
 */
const GROUPS = [
  [
    'threads',
    [
      'drivers/sqlite/thread.js',
      'brokers/sqlite/operations.js',
      'backends/sqlite/operations.js',
      'drivers/service-thread-entry.js',
    ],
  ],
  ['client', ['index.js', 'protocol/result-dict.js']],
  ['virtual', ['brokers/virtual/virtual-broker.js']],
  ['sqlite', ['brokers/sqlite/sqlite-broker.js', 'backends/sqlite/sqlite-backend.js']],
  ['worker', ['worker.js']],
  ['command', ['cli/main.js', 'cli/commands/worker.js']],
]

/** Programs of `lovage/testing`, started by their names. */
const CHILDREN = /^testing\/chaos\/children\//
/** How code names a module that a thread or a child process is to load. */
const LOADED = /new URL\('(\.{1,2}\/[^']+\.js)', import\.meta\.url\)/g
const IMPORTED = /^(?:import|export) (?:[^'"]* from )?'(\.[^']+)';/gm
/** Not where a message or a comment speaks of it. */
const ASKED_URL = /(?<=[(,]\s*)import\.meta\.url(?=\))/g
/** Stands for the URL that a module would have if it were a file of its own. */
const OWN_URL = /__LOVAGE_URL__\("([^"]+)"\)/g

/**
 * Bundles what was compiled of `src`, without tests, into `out`, where no other `.js` file stays. With `all`, every module can
 * still be imported by its path: tests do.
 */
export async function bundle({ src, compiled, out, all = false }) {
  const modules = readModules(src, compiled)
  const entries = entriesOf(modules)
  const groupOf = grouped(modules, entries)
  const pathOf = id => relative(compiled, id).replaceAll(sep, '/')
  const input = all ? [...modules.keys()] : entries
  const bundled = await rolldown({
    input: Object.fromEntries(input.map(path => [path.slice(0, -'.js'.length), join(compiled, path)])),
    external: id => !id.startsWith('.') && !id.startsWith(compiled),
    platform: 'node',
    // Nothing is added to the front doors: they hold no code of their own.
    preserveEntrySignatures: 'allow-extension',
    plugins: [
      {
        name: 'own URLs',
        transform: (code, id) => code.replaceAll(ASKED_URL, `__LOVAGE_URL__("${pathOf(id)}")`),
        renderChunk: (code, { fileName }) => code.replace(OWN_URL, (_, path) => ownUrl(path, fileName)),
      },
    ],
  })
  const { output } = await bundled.generate({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: GROUPS.map(([name]) => ({ name, test: id => groupOf.get(pathOf(id)) === name })),
    },
  })
  for (const { fileName, code } of output) checkNames(fileName, code)
  removeCode(out, compiled)
  for (const { fileName, code } of output) {
    mkdirSync(dirname(join(out, fileName)), { recursive: true })
    writeFileSync(join(out, fileName), code)
  }
}

/** Text of each module, by its path. An earlier build may have left some whose sources are gone. */
function readModules(src, compiled) {
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).map(path => path.replaceAll(sep, '/'))
  const code = sources.filter(path => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  const paths = code.map(path => path.replace(/\.ts$/, '.js'))
  return new Map(paths.map(path => [path, readFileSync(join(compiled, path), 'utf8')]))
}

function entriesOf(modules) {
  const loaded = [...modules].flatMap(([path, text]) => named(path, text, LOADED))
  const children = [...modules.keys()].filter(path => CHILDREN.test(path))
  return [...new Set([...DOORS, ...loaded, ...children])]
}

/** Group of each module that is in one. Entries stay where they are: some act when they are loaded. */
function grouped(modules, entries) {
  const groups = new Map()
  for (const [name, roots] of GROUPS) {
    const waiting = [...roots]
    const seen = new Set(waiting)
    for (const path of waiting) {
      const text = modules.get(path)
      if (text === undefined) throw new Error(`Group ${name} of the bundle: there is no ${path}`)
      if (!groups.has(path) && !entries.includes(path)) groups.set(path, name)
      for (const next of named(path, text, IMPORTED)) {
        if (!seen.has(next)) waiting.push(next)
        seen.add(next)
      }
    }
  }
  return groups
}

function named(path, text, pattern) {
  return [...text.matchAll(pattern)].map(([, relativePath]) => posix.join(posix.dirname(path), relativePath))
}

function ownUrl(path, from) {
  const way = posix.relative(posix.dirname(from), path)
  return `new URL("${way.startsWith('.') ? way : `./${way}`}", import.meta.url).href`
}

/** Names of classes travel, as types of exceptions for one: where two in one file are alike, one gets another name. */
function checkNames(file, code) {
  const renamed = /\bclass (\w+\$\d+)/.exec(code)?.[1]
  if (renamed !== undefined)
    throw new Error(`The bundle calls a class ${renamed} in ${file}: give it another name, or another group`)
}

function removeCode(out, compiled) {
  for (const path of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    const file = join(out, path)
    if (file.endsWith('.js') && !file.startsWith(compiled + sep)) rmSync(file)
  }
}
