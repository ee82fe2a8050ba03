import { BrokerError } from '../../../../src/brokers/errors.js'
import { nodeRuntime } from '../../../../src/lib/node-runtime.js'
import { standStill } from '../../../../src/lib/stand-still.js'
import { queueName } from '../../../../src/protocol/ids.js'
import { postgresBroker } from '../../../support/brokers/postgres-place.js'

/*
 * holder URL SCHEMA LEASE RENEW [BLOCK]: takes what is in `tasks`, says it, and holds it. With BLOCK it stops its event loop
 * for so many ms, then acks and says what came of it.
 */

const [url = '', schema = '', lease = '0', renew = '0', block] = process.argv.slice(2)
const broker = postgresBroker(url, schema, { leaseMs: Number(lease), renewMs: Number(renew), runtime: nodeRuntime() })
const connection = await broker.connect({ name: `holder${process.pid}@test` })
const deliveries = await connection.get(queueName('tasks'), 10)
console.log(`held ${deliveries.map(delivery => Buffer.from(delivery.message.body).toString()).join(' ')}`)
if (block === undefined) setInterval(() => undefined, 1000)
else {
  // Lets the keeper's thread come up.
  await new Promise(resolve => setTimeout(resolve, 1000))
  standStill(Number(block))
  const suspect = connection.suspect()
  // A session that was told of its robbery is over, and says so of every verdict.
  const verdict = await deliveries[0]?.ack().catch(error => (error instanceof BrokerError ? error.code : String(error)))
  console.log(`suspect ${suspect} acks ${verdict ?? 'nothing'}`)
  await broker[Symbol.asyncDispose]()
}
