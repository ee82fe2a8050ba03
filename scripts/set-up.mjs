// What every other script needs first: the installed packages and the compiled code. Node's own modules only, because
// a fresh clone has nothing else.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** Installs when needed, then compiles into build/ and dist/. Ends the process when either fails. */
export function setUp() {
  install()
  build()
}

/** `npm ci`, unless node_modules already holds what package-lock.json asks for. */
export function install() {
  if (isInstalled()) return
  console.log('Installing the locked packages (npm ci) …')
  const npm = npmCommand()
  const done = spawnSync(npm.command, [...npm.args, 'ci', '--no-audit', '--no-fund'], { cwd: root, stdio: 'inherit' })
  if (done.status !== 0) fail('npm ci failed', done)
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
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
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
