// Runs the tests: npm test [-- FILTER… | --node-flag…]
//   FILTER             only test files whose path contains it, e.g. `npm test -- src/lib heap`
//   --flag=value       handed to node, e.g. `npm test -- --test-name-pattern='stale ack'`
//   --no-build         run what is compiled already
//   --patience=S       a file that tells of no test for so long is ended, and what ran in it has failed; default 600
//   --at-once=N        so many files at a time; default: two for each core and one more, for most of a test is waiting
//   --times            write how long each file took into docs/internals/test-times.md, by which files are put in order
// First the servers that tests need are looked for, and started where they are installed (scripts/services.mjs), and what
// killed runs have left on them is removed. Tests of one that is absent are skipped, and say so.
// With CI=true a skipped test is a failure: on CI everything a test needs must be there. What a conformance suite skips
// because an adapter lacks it by design ("lacks …") is only listed. Files that have failed among others are run once more,
// alone; what then passes is listed as unsteady, with how it failed.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { services } from './services.mjs'
import { root, setUp } from './set-up.mjs'
import { sweep } from './testing/sweep.mjs'
import { runAgain } from './testing/test-again.mjs'
import { bundleTests } from './testing/test-bundle.mjs'
import { testFiles } from './testing/test-files.mjs'
import { runFiles } from './testing/test-run.mjs'
import { report } from './testing/test-summary.mjs'
import { writeTimes } from './testing/test-times.mjs'

const OWN = {
  'no-build': { type: 'boolean', default: false },
  patience: { type: 'string', default: '600' },
  'at-once': { type: 'string', default: String(2 * availableParallelism() + 1) },
  times: { type: 'boolean', default: false },
}

const words = process.argv.slice(2)
const isOwn = word => Object.keys(OWN).some(name => word === `--${name}` || word.startsWith(`--${name}=`))
const { values: own } = parseArgs({ args: words.filter(isOwn), options: OWN })
const nodeFlags = words.filter(word => word.startsWith('-') && !isOwn(word))
const filters = words.filter(word => !word.startsWith('-'))

if (!own['no-build']) {
  setUp()
  await bundleTests()
}
const { environment } = await services({ quiet: true })
const swept = sweep(environment)
const files = testFiles(filters)
const options = {
  atOnce: Number(own['at-once']),
  patience: Number(own.patience) * 1000,
  nodeFlags,
  environment: own['no-build'] ? environment : { ...environment, LOVAGE_TEST_DIST: join(root, 'dist') },
}
const first = await runFiles(files, options)
if (own.times) writeTimes(first)
const runs = await runAgain(first, options)
for (const line of await swept) console.log(`Left over from a killed run, and removed: ${line}`)
process.exitCode = report(runs, { skipsFail: process.env.CI === 'true' }) ? 0 : 1
