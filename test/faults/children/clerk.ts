import { appendFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Durability } from '../../../src/drivers/sqlite/database.js'
import { connect, publish, QUEUE, textOf } from '../../support/brokers/sqlite-rig.js'

/*
 * Publishes messages and acks every third, and writes beside the file what it was promised, the moment it was:
 * `accepted ID`, `acked ID`; and `acking ID` before it asks. Arguments: path of the file, durability, rounds.
 */

const PER_ROUND = 6
/** So that the file's log is written back into the file, and begun anew, several times. */
const PADDING = 'x'.repeat(6000)

const [path = '', durability = 'full', rounds = '1'] = process.argv.slice(2)
// As typed on the command line by the test.
const rig = await connect(path, { durability: durability as Durability })
const { connection } = rig
for (let round = 0; round < Number(rounds); round++) {
  const ids = Array.from({ length: PER_ROUND }, (_, i) => `m${round}-${i}-${process.pid}`)
  await Promise.all(ids.map(id => publish(connection, `${id} ${PADDING}`).then(() => note('accepted', id))))
  const deliveries = await connection.get(QUEUE, PER_ROUND / 3)
  await Promise.all(
    deliveries.map(async delivery => {
      const [id = ''] = textOf(delivery).split(' ')
      note('acking', id)
      await delivery.ack()
      note('acked', id)
    }),
  )
}
await rig[Symbol.asyncDispose]()
process.exit()

function note(what: string, id: string): void {
  appendFileSync(join(dirname(path), 'notes'), `${what} ${id}\n`)
}
