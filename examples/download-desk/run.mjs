// The download desk, from nothing to a verified table: npm run quickstart
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createJiti } from 'jiti'

const work = fileURLToPath(new URL('./work/', import.meta.url))
mkdirSync(work, { recursive: true })
process.chdir(work)

const started = performance.now()
const { runDesk } = await createJiti(import.meta.url).import('./desk.ts')
const faults = await runDesk()
for (const fault of faults) console.error(`FAULT  ${fault}`)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(faults.length === 0 ? `\nEvery package and every mail is as it should be (${seconds} s).` : `\n${faults.length} faults (${seconds} s).`)
process.exit(faults.length === 0 ? 0 : 1)
