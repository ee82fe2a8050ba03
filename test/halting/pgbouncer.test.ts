import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { needsPgBouncer, PgBouncer } from '../support/services/pgbouncer.js'
import { ScratchDatabase } from '../support/services/postgres.js'
import { deliveryCases } from './real/delivery-cases.js'
import type { HaltingPlace } from './real/halting-place.js'
import { publishingCases } from './real/publishing-cases.js'
import { Rig } from './real/rig.js'

/*
 * Broker and results behind a pooler that gives every transaction another session: nothing prepared is found again, and no
 * notification arrives (D3g).
 */

const there = needsPgBouncer.skip === undefined
const database = there ? await ScratchDatabase.create() : undefined
const bouncer = database === undefined ? undefined : await PgBouncer.before(database.url())
after(async () => {
  await bouncer?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

const place: HaltingPlace = {
  name: 'postgres',
  needed: needsPgBouncer,
  url: () => bouncer?.url() ?? '',
  settings: { leaseTime: 10, leaseRenewInterval: 1 },
  deleteQueue: async () => undefined,
}

describe('halting cases on PostgreSQL behind a pooler', { concurrency: 3 }, () => {
  deliveryCases(place, test)
  publishingCases(place, test)
})

test(
  'D3g behind a pooler of transactions tasks run once, results are waited for, delays are kept, and what a dead worker held comes back',
  needsPgBouncer,
  async () => {
    const resultBackend = bouncer?.url('db+postgresql') ?? ''
    await using rig = await Rig.open(place, 'd3g', { resultBackend })
    const first = await rig.worker()
    await rig.worker()
    const ids = await rig.send('quick', 200)
    const delayed = await rig.send('delayed', 5, 5, { countdown: 2 })
    const results = await Promise.all(ids.map(id => rig.client.result(id).get({ timeout: 60 })))
    assert.equal(results.filter(by => by === 'w1' || by === 'w2').length, 200)
    await rig.drained([...ids, ...delayed])
    for (const id of [...ids, ...delayed]) assert.equal(rig.times(id), 1, id)
    const held = await rig.send('held', 8, 2000)
    await rig.started(held)
    await first.proxy.refuse()
    await rig.drained(held)
  },
)
