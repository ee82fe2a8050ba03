import { parseArgs } from 'node:util'
import { shake } from '../../src/testing/chaos/shake.js'
import { printShakeReport, shakeReportAsJson } from '../../src/testing/chaos/shake-report.js'
import { CELERY, ofCelery } from './celery.js'
import { clusterOn, openPlace, PLACES, placeAt } from './places.js'

// npm run chaos [-- --broker sqlite|redis|postgres|rabbitmq|rabbitmq-quorum|URL --backend URL --kills 1000 --cuts 0
//   --restarts 0 --freezes 0 --tasks 100000 --workers 3 --acks late|early --longest MS --command --celery --seed S --json]
const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'sqlite' },
    backend: { type: 'string' },
    kills: { type: 'string', default: '1000' },
    cuts: { type: 'string', default: '0' },
    restarts: { type: 'string', default: '0' },
    freezes: { type: 'string', default: '0' },
    tasks: { type: 'string', default: '100000' },
    workers: { type: 'string', default: '3' },
    acks: { type: 'string', default: 'late' },
    longest: { type: 'string', default: '600' },
    command: { type: 'boolean', default: false },
    celery: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now()) },
    json: { type: 'boolean', default: false },
  },
})
const known = PLACES.find(name => name === values.broker)
await using place = known === undefined ? await placeAt(values.broker, values.backend) : await openPlace(known)
const cluster = clusterOn(place, values.backend === undefined ? {} : { resultBackend: values.backend })
let told = 0
console.error(`seed ${values.seed}, broker ${place.name}`)
const report = await shake({
  seed: values.seed,
  tasks: Number(values.tasks),
  workers: Number(values.workers),
  acks: values.acks === 'early' ? 'early' : 'late',
  longest: Number(values.longest),
  faults: {
    kills: Number(values.kills),
    cuts: Number(values.cuts),
    restarts: Number(values.restarts),
    freezes: Number(values.freezes),
  },
  cluster: values.celery ? ofCelery(cluster) : cluster,
  ...(place.proxy === undefined ? {} : { proxy: place.proxy }),
  ...(place.server === undefined ? {} : { server: place.server }),
  promises: place.promises,
  program: values.celery ? CELERY : values.command ? 'command' : 'program',
  progress: (done, faults) => {
    if (values.json || done < told) return
    told += Number(values.tasks) / 10
    console.error(`${done} tasks acked, ${faults} faults …`)
  },
})
console.log(values.json ? shakeReportAsJson(report) : printShakeReport(report))
process.exitCode = report.verdict.faults.length === 0 ? 0 : 1
