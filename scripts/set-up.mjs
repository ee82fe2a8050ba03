// What every other script needs first: the installed packages and the compiled code. Node's own modules only, because
// a fresh clone has nothing else.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

export const root = join(import.meta.dirname, '..')

/** Installs when needed, then compiles into build/ and dist/. Ends the process when either fails. */
export function setUp() {
  install()
  build()
}

/**
 * Makes node_modules hold what package-lock.json asks for, unless it does already.
 *
 * Not by `npm ci`: that refuses a lock file without the entries of other platforms' builds, and a registry that mirrors
 * only some platforms makes such lock files. `--no-save` takes the locked versions and leaves the lock file alone;
 * afterwards every locked package is compared.
 */
export function install() {
  if (!lockFits()) fail('package-lock.json does not fit package.json: run npm install and commit both')
  if (isInstalled()) return
  console.log('Installing the locked packages …')
  const npm = npmCommand()
  const args = [...npm.args, 'install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
  const done = spawnSync(npm.command, args, { cwd: root, stdio: 'inherit' })
  if (done.status !== 0) fail('npm install failed', done)
  if (!isInstalled()) fail('npm install did not install what package-lock.json asks for')
}

/** Compiles src, test and bench into build/ and the published code into dist/. */
export function build() {
  for (const flags of [[], ['--dist']]) {
    const done = node([join(root, 'scripts', 'build.mjs'), ...flags])
    if (done.status !== 0) fail(`the compiler found errors (scripts/build.mjs ${flags.join(' ')})`, done)
  }
}

/** Runs this Node with the terminal handed through. */
export function node(args, environment = {}) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment } })
}

export function fail(message, done) {
  const why = done?.error === undefined ? '' : `: ${done.error.message}`
  console.error(`${message}${why}`)
  process.exit(done?.status || 1)
}

function lockFits() {
  const manifest = readJson(join(root, 'package.json'))
  const locked = packagesOf(join(root, 'package-lock.json'))?.['']
  if (locked === undefined) return false
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies']
  return kinds.every(kind => isDeepStrictEqual({ ...manifest[kind] }, { ...locked[kind] }))
}

function isInstalled() {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  const wanted = packagesOf(join(root, 'package-lock.json'))
  if (installed === undefined || wanted === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const found = installed[path]
    return found === undefined ? entry.optional === true || entry.devOptional === true : found.version === entry.version
  })
}

function packagesOf(file) {
  return readJson(file)?.packages
}

/** Undefined when the file is missing or damaged. */
function readJson(file) {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** The npm that started us, or the one on the path. */
function npmCommand() {
  const script = process.env.npm_execpath
  if (script?.endsWith('.js')) return { command: process.execPath, args: [script] }
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [] }
}
