import { connect, QUEUE } from '../rig.js'

/* Takes what is there, says how much, and holds it until it is killed. */

const [, , url = ''] = process.argv
const rig = await connect(url, { leaseMs: 4000, renewMs: 500 })
const deliveries = await rig.connection.get(QUEUE, 10)
process.stdout.write(`${deliveries.length}\n`)
setInterval(() => {}, 1000)
