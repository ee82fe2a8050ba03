import { standStill } from '../../../src/lib/stand-still.js'
import { connect, QUEUE, textOf } from '../../support/brokers/sqlite-rig.js'

/* Holds every message of the queue and tells so, then does what its second argument says, for its third in ms. */

const [path = '', mode = 'wait', time = '0', leaseMs = '20000', renewMs = '5000'] = process.argv.slice(2)
const { connection } = await connect(path, { leaseMs: Number(leaseMs), renewMs: Number(renewMs), sweepMs: 200 })
const deliveries = await connection.get(QUEUE, 1000)
console.log(`held ${deliveries.map(textOf).join(' ')}`)

if (mode === 'wait') {
  setInterval(() => undefined, 1000)
}
if (mode === 'block') {
  // As a task does that never yields: no timer and no message of this thread runs meanwhile.
  standStill(Number(time))
  const settled = await Promise.all(deliveries.map(delivery => delivery.ack()))
  console.log(`suspect ${connection.suspect()} acks ${settled.join(' ')}`)
  process.exit(0)
}
if (mode === 'exit') {
  // Nothing is pending any more: the process must end by itself.
}
