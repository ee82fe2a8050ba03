import { parseArgs } from 'node:util'
import { runCanvases } from './batch.js'

// So many canvases in a process of its own: node share.js --from N --count N
const { values } = parseArgs({ options: { from: { type: 'string' }, count: { type: 'string' } } })
process.exitCode = await runCanvases({ from: Number(values.from), count: Number(values.count), say: console.log })
