// Runs the tests: npm test [-- FILTER… | --node-test-flag…]
//   FILTER             only test files whose path contains it, e.g. `npm test -- src/lib heap`
//   --flag=value       handed to node --test, e.g. `npm test -- --test-name-pattern='stale ack'`
//   --no-build         run what is compiled already
// With CI=true a skipped test is a failure: on CI everything a test needs must be there.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, node, root, setUp } from './set-up.mjs'

const words = process.argv.slice(2)
const flags = words.filter(word => word.startsWith('-') && word !== '--no-build')
const filters = words.filter(word => !word.startsWith('-'))

if (!words.includes('--no-build')) setUp()
process.exitCode = run(testFiles())

/** The compiled form of every test whose source exists; leftovers of deleted sources do not run. */
function testFiles() {
  const sources = ['src', 'test'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.test.ts') && !path.endsWith('.types.test.ts'))
      .map(path => join(folder, path)),
  )
  const chosen = sources.filter(path => filters.length === 0 || filters.some(filter => path.includes(filter)))
  if (chosen.length === 0) fail(`no test file matches ${filters.join(' ')}`)
  return chosen.sort().map(path => join(root, 'build', path.replace(/\.ts$/, '.js')))
}

function run(files) {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-test-'))
  const skips = join(folder, 'skipped')
  try {
    const done = node([
      '--test',
      '--enable-source-maps',
      '--test-concurrency=2',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      `--test-reporter=${new URL('skip-reporter.mjs', import.meta.url).href}`,
      `--test-reporter-destination=${skips}`,
      ...flags,
      ...files,
    ])
    if (done.error !== undefined) fail('the test runner did not start', done)
    const skipped = reportSkips(readFileSync(skips, 'utf8'))
    return done.status || (skipped && process.env.CI === 'true' ? 1 : 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function reportSkips(text) {
  const lines = text.split('\n').filter(line => line !== '')
  if (lines.length === 0) return false
  console.log(`\nSkipped (${lines.length})${process.env.CI === 'true' ? ', which CI does not allow' : ''}:`)
  for (const line of lines) console.log(`  ${line}`)
  return true
}
