// Sets up, then runs a compiled program of the repository: node scripts/run.mjs NAME [ARGUMENT…]
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail, node, root, setUp } from './set-up.mjs'

const PROGRAMS = {
  sim: 'test/sim/run.js',
  bench: 'bench/run.js',
  chaos: 'test/chaos/run.js',
  faults: 'test/faults/run.js',
  fuzz: 'test/fuzz/run.js',
  soak: 'test/soak/run.js',
}

const [name, ...args] = process.argv.slice(2)
const program = Object.hasOwn(PROGRAMS, name ?? '') ? PROGRAMS[name] : undefined
if (program === undefined) fail(`usage: node scripts/run.mjs ${Object.keys(PROGRAMS).join('|')} [ARGUMENT…]`)
setUp()
const file = join(root, 'build', program)
if (!existsSync(file)) fail(`${program.replace(/\.js$/, '.ts')} does not exist`)
process.exitCode = node(['--enable-source-maps', file, ...args]).status ?? 1
