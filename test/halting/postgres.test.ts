import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { BrokerError } from '../../src/brokers/errors.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { blockingCases } from './real/blocking-cases.js'
import { connectionCases } from './real/connection-cases.js'
import { deliveryCases } from './real/delivery-cases.js'
import type { HaltingPlace } from './real/halting-place.js'
import { publishingCases } from './real/publishing-cases.js'
import { revokingCases } from './real/revoking-cases.js'
import { Rig } from './real/rig.js'

const database = needsPostgres.skip === undefined ? await ScratchDatabase.create() : undefined
after(() => database?.[Symbol.asyncDispose]())

const place: HaltingPlace = {
  name: 'postgres',
  needed: needsPostgres,
  url: () => database?.url() ?? '',
  settings: { leaseTime: 10, leaseRenewInterval: 1 },
  deleteQueue: async () => undefined,
}

describe('halting cases on PostgreSQL', { concurrency: 3 }, () => {
  connectionCases(place, test)
  deliveryCases(place, test)
  publishingCases(place, test)
  revokingCases(place, test)
})

// Alone: it holds up whatever else runs on this loop.
blockingCases(place, test)

describe('PostgreSQL as administrators have it', needsPostgres, () => {
  test('F35 postgres: sessions that the server ends, again and again, are replaced, and nothing is lost', async () => {
    await using own = await ScratchDatabase.create()
    await using rig = await Rig.open({ ...place, url: () => own.url() }, 'f35')
    await rig.worker()
    for (let round = 0; round < 3; round++) {
      const ids = await rig.send(`r${round}-`, 20, 100)
      await rig.started(ids.slice(0, 2))
      await own.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
      await rig.ended(ids)
    }
  })

  test('F35 postgres: a server that only reads refuses messages with a typed error, and takes them when it writes again', async () => {
    await using own = await ScratchDatabase.create()
    await using rig = await Rig.open({ ...place, url: () => own.url() }, 'f35b')
    await rig.worker()
    await rig.drained(await rig.send('before', 4))
    const reading = (on: boolean) => own.query(`ALTER DATABASE ${own.name} SET default_transaction_read_only = ${on}`)
    const endAll = () =>
      own.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
    await reading(true)
    await endAll()
    await assert.rejects(
      rig.client.sendTask('probe', [1], { taskId: 'f35b-refused', publishTimeout: 5 }),
      (error: unknown) => error instanceof BrokerError,
    )
    // From another database: this one only reads.
    await database?.query(`ALTER DATABASE ${own.name} RESET default_transaction_read_only`)
    await endAll()
    await rig.ended(await rig.send('after', 10))
  })
})
