import { simulate } from '../../src/testing/sim/simulate.js'
import { lab } from './lab/lab.js'
import { drawPlan } from './lab/plan.js'

const from = Number(process.argv[2] ?? 1)
const n = Number(process.argv[3] ?? 50)
const t0 = process.cpuUsage().user
let steps = 0,
  el = 0,
  ex = 0,
  bad = 0
const seen = new Map<string, number>()
const full = process.env['FULL'] !== undefined
for (let seed = from; seed < from + n; seed++) {
  const plan = drawPlan(seed)
  try {
    const r = await simulate(seed, w => lab(w, plan), full ? { keep: 1e6 } : { trace: 'instants', contexts: false })
    steps += r.steps
    el += r.elapsed
    ex += r.value.executions
    for (const [k, v] of r.value.sightings) seen.set(k, (seen.get(k) ?? 0) + v)
    if (full && n === 1) console.log(r.trace.join('\n'))
  } catch (e) {
    bad++
    const f = e as { message: string; trace: string[]; cause?: { stack: string; ids?: string[] } }
    console.log(`seed ${seed} ${plan.config.profile}: ${f.message}`)
    if (n === 1) {
      console.log(f.cause?.stack)
      console.log(f.trace.join('\n'))
    }
  }
}
console.log({
  bad,
  ms: (process.cpuUsage().user - t0) / 1000 / n,
  steps: steps / n,
  virtualMin: el / n / 60000,
  ex: ex / n,
})
if (process.env['SEEN']) console.log(seen)
