import { App } from '../src/app/app.js'

/** Tasks of the rows about pools, here and in the children. */
export const app: App = new App('bench', { brokerUrl: 'memory://', workerProcAliveTimeout: 60 })

app.task('bench.noop', () => null)

/** The same work on every machine. */
app.task('bench.compute', (turns: number) => {
  let sum = 1
  for (let turn = 0; turn < turns; turn++) sum = (Math.imul(sum, 1_103_515_245) + 12_345) | 0
  return sum
})
