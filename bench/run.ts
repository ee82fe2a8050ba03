import { parseArgs } from 'node:util'
import { installPeers } from './peers/install.js'
import { printRow, type Report, surroundings, writeReport } from './report.js'
import { measure, type RowResult } from './row.js'
import { allRows } from './rows.js'
import { missing } from './servers.js'

const USAGE = `npm run bench -- [--only NAME]… [--rounds N] [--tasks N] [--json] [--no-write] [--list]
  --only NAME   this row only; may be given several times
  --rounds N    how often each side is run, in turn (5)
  --tasks N     tasks per run in the rows about rates (50000)
  --json        print the report instead of a table
  --no-write    leave no file in bench/results/
  --list        names and titles of the rows
Rows need servers on their standard ports of 127.0.0.1 (Redis, RabbitMQ, PostgreSQL) and Debian's python3-celery where they
say so; without these they are skipped by name.`

const { values } = parseArgs({
  allowNegative: true,
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    tasks: { type: 'string', default: '50000' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: true },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const rows = allRows(Number(values.tasks))
const unknown = (values.only ?? []).filter(name => !rows.some(row => row.name === name))
if (values.help || unknown.length > 0) {
  for (const name of unknown) console.error(`There is no row ${name}; --list shows them.`)
  console.log(USAGE)
  process.exit(unknown.length > 0 ? 2 : 0)
}
if (values.list) {
  for (const { name, title } of rows) console.log(`${name.padEnd(18)} ${title}`)
  process.exit()
}

const chosen = values.only === undefined ? rows : rows.filter(row => values.only?.includes(row.name))
const gone = await missing(new Set(chosen.flatMap(row => row.needs)))
if (chosen.some(row => row.needs.length > 0)) installPeers()
const rounds = Number(values.rounds)
const start = surroundings(rounds)
const results: RowResult[] = []
const skipped: string[] = []
for (const row of chosen) {
  const lacking = row.needs.filter(need => gone.has(need))
  if (lacking.length > 0) {
    skipped.push(row.name)
    if (!values.json) console.log(`${row.name}: ${row.title}\n  skipped: ${lacking.join(', ')} not here\n`)
    continue
  }
  const result = await measure(row, rounds)
  results.push(result)
  if (!values.json) console.log(printRow(result))
}
const report: Report = { ...start, results, skipped }
if (values.json) console.log(JSON.stringify(report))
if (values.write) {
  const path = writeReport(report)
  if (!values.json) console.log(`Written to ${path}`)
}
process.exit(results.every(({ figures }) => figures.every(figure => figure.reached)) ? 0 : 1)
