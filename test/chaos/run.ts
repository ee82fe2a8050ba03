import { parseArgs } from 'node:util'
import { killSweep, type SweepOptions } from './kill-sweep.js'
import { printReport, reportAsJson } from './report.js'

// npm run chaos [-- --kills 1000 --tasks 100000 --workers 3 --acks late|early --longest MS --seed S --json]
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    tasks: { type: 'string', default: '100000' },
    workers: { type: 'string', default: '3' },
    acks: { type: 'string', default: 'late' },
    longest: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Date.now()) },
    json: { type: 'boolean', default: false },
  },
})
let told = 0
const options: SweepOptions = {
  seed: values.seed,
  kills: Number(values.kills),
  tasks: Number(values.tasks),
  workers: Number(values.workers),
  acks: values.acks === 'early' ? 'early' : 'late',
  longest: Number(values.longest),
  progress: (done, kills) => {
    if (values.json || done < told) return
    told += Number(values.tasks) / 10
    console.error(`${done} tasks acked, ${kills} workers killed …`)
  },
}
console.error(`seed ${options.seed}`)
const report = await killSweep(options)
console.log(values.json ? reportAsJson(report) : printReport(report))
process.exitCode = report.verdict.faults.length === 0 ? 0 : 1
