import { runFiles } from './test-run.mjs'
import { failuresOf } from './test-summary.mjs'

/** With more failing files than this something is broken, and nothing is gained by waiting for it twice. */
const MOST = 5

/**
 * Files that have failed among others are run once more, alone: tests of real servers and processes share two cores with
 * their neighbours, and a machine may stand still under them. What fails twice has failed. What passes then is not hidden:
 * the run tells `unsteady`, the failures of the first time, and the summary lists them.
 */
export async function runAgain(runs, options) {
  const failed = runs.filter(run => failuresOf(run).length > 0)
  if (runs.length === 1 || failed.length === 0 || failed.length > MOST) return runs
  console.log(`\n${failed.length} of ${runs.length} files have failed, and are run again one after another.\n`)
  const again = new Map()
  for (const run of failed) {
    const [second] = await runFiles([run.source], { ...options, atOnce: 1 })
    again.set(run, { ...second, unsteady: failuresOf(run) })
  }
  return runs.map(run => again.get(run) ?? run)
}
