import { connect, QUEUE, textOf } from '../../support/brokers/sqlite-rig.js'

/* Consumes the queue, tells each text as it acks it, until its input ends. */

const [path = ''] = process.argv.slice(2)
const { connection, [Symbol.asyncDispose]: dispose } = await connect(path)
const consumer = await connection.consume([{ name: QUEUE }], 10)
console.log('ready')
process.stdin.resume().on('end', () => void consumer[Symbol.asyncDispose]())
for await (const batch of consumer) {
  for (const delivery of batch) {
    console.log(textOf(delivery))
    await delivery.ack()
  }
}
await dispose()
