// Compiles TypeScript and copies what TypeScript does not: node scripts/build.mjs [--dist] [--out DIR]
//   (default)  src, test and bench → build/     the checks run on this, and of it the tests are made (test-bundle.mjs)
//   --dist     src without tests   → dist/      what is published: types, and the code bundled (bundle.mjs)
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { dist: { type: 'boolean' }, out: { type: 'string' } } })
const root = join(import.meta.dirname, '..')
const out = join(root, values.out ?? (values.dist ? 'dist' : 'build'))
const config = values.dist ? 'tsconfig.dist.json' : 'tsconfig.json'
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
/** What is bundled then. */
const code = join(out, '.code')
const outDirs = values.dist ? ['--outDir', code, '--declarationDir', out] : ['--outDir', out]
const args = [tsc, '-p', join(root, config), ...outDirs, '--tsBuildInfoFile', join(out, '.tsbuildinfo')]
const compiled = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root })

const target = values.dist ? out : join(out, 'src')
for (const file of assets(join(root, 'src'))) {
  const to = join(target, relative(join(root, 'src'), file))
  mkdirSync(dirname(to), { recursive: true })
  cpSync(file, to)
}
if (values.dist && existsSync(code)) {
  const { bundle } = await import('./bundle.mjs')
  await bundle({ src: join(root, 'src'), compiled: code, out })
  dropLeftovers()
}
process.exitCode = compiled.status ?? 1

/** What an earlier build made of sources that are gone would be published, too. */
function dropLeftovers() {
  for (const path of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(d\.ts|sql|lua)$/.test(path)) continue
    if (!existsSync(join(root, 'src', path.replace(/\.d\.ts$/, '.ts')))) rmSync(join(out, path))
  }
}

function assets(folder) {
  const found = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...assets(path))
    else if (/\.(sql|lua)$/.test(entry.name)) found.push(path)
  }
  return found
}
