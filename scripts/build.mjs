// Compiles TypeScript and copies what TypeScript does not: node scripts/build.mjs [--dist] [--out DIR]
//   (default)  src, test and bench → build/     the checks and tests run on this
//   --dist     src without tests   → dist/      what is published
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { dist: { type: 'boolean' }, out: { type: 'string' } } })
const root = join(import.meta.dirname, '..')
const out = join(root, values.out ?? (values.dist ? 'dist' : 'build'))
const config = values.dist ? 'tsconfig.dist.json' : 'tsconfig.json'
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const args = [tsc, '-p', join(root, config), '--outDir', out, '--tsBuildInfoFile', join(out, '.tsbuildinfo')]
const compiled = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root })

const target = values.dist ? out : join(out, 'src')
for (const file of assets(join(root, 'src'))) {
  const to = join(target, relative(join(root, 'src'), file))
  mkdirSync(dirname(to), { recursive: true })
  cpSync(file, to)
}
process.exitCode = compiled.status ?? 1

function assets(folder) {
  const found = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) found.push(...assets(path))
    else if (entry.name.endsWith('.sql')) found.push(path)
  }
  return found
}
