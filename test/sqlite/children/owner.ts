import { queueName } from '../../../src/protocol/ids.js'
import { connect } from '../../support/brokers/sqlite-rig.js'

/* Declares queues that are to go with it, consumes one of them, and waits to be killed. */

const [path = ''] = process.argv.slice(2)
const { connection } = await connect(path)
const consumed = { name: queueName('consumed'), autoDelete: true }
await connection.declare({
  queues: [
    consumed,
    { name: queueName('exclusive'), exclusive: true },
    { name: queueName('mailbox'), autoDelete: true },
  ],
})
await connection.consume([consumed], 1)
console.log('declared')
setInterval(() => undefined, 1000)
