// Everything but the tests: types, formatting and lint, the rules of the house, docs against code. npm run check
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { install, node, root } from './set-up.mjs'

install()
const results = [
  step('types', [join(root, 'scripts', 'build.mjs')]),
  step('published types', [join(root, 'scripts', 'build.mjs'), '--dist']),
  step('format and lint', [
    join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'),
    'check',
    '--error-on-warnings',
  ]),
  step('architecture and docs', ['--test', '--enable-source-maps', '--test-reporter=spec', ...checkedByTests()]),
]

console.log('')
for (const { name, passed } of results) console.log(`${passed ? '✔' : '✖'} ${name}`)
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1

function step(name, args) {
  console.log(`\n— ${name}`)
  return { name, passed: node(args).status === 0 }
}

function checkedByTests() {
  const docs = join(root, 'test', 'docs')
  const tests = existsSync(docs) ? readdirSync(docs).filter(name => name.endsWith('.test.ts')) : []
  const paths = ['architecture.test.ts', ...tests.map(name => join('docs', name))]
  return paths.map(path => join(root, 'build', 'test', path.replace(/\.ts$/, '.js')))
}
