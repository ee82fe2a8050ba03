// Runs the tests: npm test [-- FILTER… | --node-test-flag…]
//   FILTER             only test files whose path contains it, e.g. `npm test -- src/lib heap`
//   --flag=value       handed to node --test, e.g. `npm test -- --test-name-pattern='stale ack'`
//   --no-build         run what is compiled already
//   --laboratory       the simulator's laboratory and its mutants as well (a quarter of an hour and more)
// With CI=true a skipped test is a failure: on CI everything a test needs must be there. What a conformance suite skips
// because an adapter lacks it by design ("lacks …") is only listed.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail, node, root, setUp } from './set-up.mjs'

const onCi = process.env.CI === 'true'
/** Long runs of their own, named when they are left out. */
const LABORATORY = /^test\/sim\/(lab-\d+|mutants)\.test\.ts$/

const OWN = new Set(['--no-build', '--laboratory'])
const words = process.argv.slice(2)
const flags = words.filter(word => word.startsWith('-') && !OWN.has(word))
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
  const wanted = words.includes('--laboratory') ? chosen : chosen.filter(path => !LABORATORY.test(path))
  if (wanted.length === 0) fail(`no test file matches ${filters.join(' ')}`)
  for (const path of chosen) if (!wanted.includes(path)) console.log(`${path} is a long run: npm test -- --laboratory`)
  return wanted.sort().map(path => join(root, 'build', path.replace(/\.ts$/, '.js')))
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
    return done.status || (skipped && onCi ? 1 : 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Lists them; true when one of them needed something that is not here. */
function reportSkips(text) {
  const lines = text.split('\n').filter(line => line !== '')
  const byDesign = lines.filter(line => line.includes(' (lacks '))
  const missing = lines.filter(line => !byDesign.includes(line))
  list('Skipped by design', byDesign)
  list(onCi ? 'Skipped, which CI does not allow' : 'Skipped', missing)
  return missing.length > 0
}

function list(title, lines) {
  if (lines.length === 0) return
  console.log(`\n${title} (${lines.length}):`)
  for (const line of lines) console.log(`  ${line}`)
}
