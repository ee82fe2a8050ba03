import { parseArgs } from 'node:util'
import { runBatch } from './batch.js'
import { findLaboratory, isLaboratory } from './find-laboratory.js'

// So many seeds in a process of its own, which can be given room for its garbage: node share.js LABORATORY --from N --count N.
// Exits 1 when one failed, or when situations were never reached that must be.
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { from: { type: 'string', default: '1' }, count: { type: 'string', default: '1000' } },
})
const [name] = positionals
if (!isLaboratory(name)) throw new Error(`There is no laboratory '${name}'.`)
const batch = { from: Number(values.from), count: Number(values.count), say: console.log }
process.exitCode = await runBatch(await findLaboratory(name), batch)
