import { parseArgs } from 'node:util'
import { runClockChanges } from './batch.js'

// So many nights in a process of its own: node share.js --from N --count N
const { values } = parseArgs({ options: { from: { type: 'string' }, count: { type: 'string' } } })
process.exitCode = await runClockChanges({ from: Number(values.from), count: Number(values.count), say: console.log })
