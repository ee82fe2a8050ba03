import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { measure, type RowResult } from './row.js'
import { sqliteNoop } from './sqlite-noop.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    tasks: { type: 'string', default: '50000' },
    json: { type: 'boolean', default: false },
  },
})
const tasks = Number(values.tasks)
const rows = [sqliteNoop('os', tasks), sqliteNoop('full', tasks)]
const results: RowResult[] = []
for (const row of rows) {
  const result = await measure(row, Number(values.rounds))
  results.push(result)
  if (!values.json) print(result)
}
if (values.json) console.log(JSON.stringify({ commit: commit(), node: process.version, cpus: cpus().length, results }))
process.exitCode = results.every(result => result.ratio >= result.aim) ? 0 : 1

function print({ name, ours, theirs, ratio, ratios, aim }: RowResult): void {
  const rate = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`
  const low = (ratios[0] ?? 0).toFixed(2)
  const high = (ratios.at(-1) ?? 0).toFixed(2)
  console.log(`${name}
  ${ours.name.padEnd(26)} ${rate(ours.median)}
  ${theirs.name.padEnd(26)} ${rate(theirs.median)}
  ratio ${ratio.toFixed(2)} (rounds ${low} to ${high}), aim ${aim}: ${ratio >= aim ? 'reached' : 'NOT REACHED'}
`)
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
}
