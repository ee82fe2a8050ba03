import { parseArgs } from 'node:util'
import { playBatch } from './batch.js'
import { missed } from './sometimes.js'

// Some of the seeds in a process of its own, which can be given room for its garbage: node share.js --from N --count N.
// Prints what a failure has to tell, or the situations that were never reached; exits 1 when there is either.
const { values } = parseArgs({
  options: { from: { type: 'string', default: '1' }, count: { type: 'string', default: '1000' } },
})
const count = Number(values.count)
const tally = await playBatch({ from: Number(values.from), count, say: () => undefined })
if (typeof tally === 'string') {
  console.log(tally)
  process.exitCode = 1
} else {
  const blind = missed(tally.seen, count)
  for (const what of blind) console.log(`Never reached in ${count} seeds: ${what}`)
  if (blind.length > 0) process.exitCode = 1
}
