// The download desk, from nothing to a verified table: npm run quickstart [-- FOLDER]
// Everything is written below FOLDER, by default work/ beside this file.
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createJiti } from 'jiti'

const work = resolve(process.argv[2] ?? join(import.meta.dirname, 'work'))
mkdirSync(work, { recursive: true })
process.chdir(work)

const started = performance.now()
const { runDesk } = await createJiti(import.meta.url).import('./desk.ts')
const faults = await runDesk()
for (const fault of faults) console.error(`FAULT  ${fault}`)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
const verdict = faults.length === 0 ? 'Every package and every mail is as it should be' : `${faults.length} faults`
console.log(`\n${verdict} (${seconds} s).`)
process.exit(faults.length === 0 ? 0 : 1)
