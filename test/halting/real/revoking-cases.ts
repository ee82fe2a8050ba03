import assert from 'node:assert/strict'
import { formatIso } from '../../../src/protocol/iso8601.js'
import { until } from '../../../src/testing/chaos/waiting.js'
import type { HaltingPlace, RegisterCase } from './halting-place.js'
import { PATIENCE, Rig } from './rig.js'

/* H57, H59: what was revoked is not forgotten, and does not keep its place. */

export function revokingCases(place: HaltingPlace, test: RegisterCase): void {
  const { name, needed } = place

  test(`H57 ${name}: what is revoked while no worker lives does not run, and is REVOKED at once`, needed, async () => {
    await using rig = await Rig.open(place, 'h57', { controlExchange: 'h57' })
    await (await rig.worker()).worker.stop('warm')
    const ids = await rig.send('t', 40)
    const stamped = await rig.send('s', 5, 5, { stamps: { batch: 'b7' } })
    const revoked = ids.slice(0, 20)
    await rig.client.control.revoke(revoked)
    await rig.client.control.revokeByStampedHeaders({ batch: ['b7'] })
    for (const id of revoked) assert.equal(await rig.client.result(id).state(), 'REVOKED')
    await rig.worker()
    await rig.drained(ids.slice(20))
    assert.deepEqual(
      [...revoked, ...stamped].filter(id => rig.times(id) > 0),
      [],
    )
    // RabbitMQ tells nobody what is held, so that the queue may look empty before its last messages are dealt with.
    for (const id of stamped)
      await until(`${id} to be REVOKED`, async () => (await rig.client.result(id).state()) === 'REVOKED', PATIENCE)
  })

  test(
    `H59 ${name}: delayed and prefetched tasks that are revoked leave lists, prefetch and broker`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h59', { controlExchange: 'h59' })
      const { worker } = await rig.worker({ concurrency: 1 })
      await rig.hears(worker)
      const [long = ''] = await rig.send('long', 1, 4000)
      await rig.started([long])
      const next = await rig.send('next', 2)
      const held = `${rig.queue}-held`
      const eta = formatIso(Date.now() + 50_000)
      const headers = { lang: 'py', task: 'probe', id: held, root_id: held, eta, argsrepr: '(5,)', kwargsrepr: '{}' }
      const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
      await rig.publishRaw({ headers, properties, body: Buffer.from('[[5], {}, {}]') })
      const inspect = rig.client.inspect({ destination: worker.name, timeout: 30 })
      const lists = async (): Promise<readonly string[]> => {
        const [reserved, scheduled] = await Promise.all([inspect.reserved(), inspect.scheduled()])
        return [
          ...(reserved[worker.name] as readonly { readonly id: string }[]).map(({ id }) => id),
          ...(scheduled[worker.name] as readonly { readonly request: { readonly id: string } }[]).map(
            ({ request }) => request.id,
          ),
        ]
      }
      const all = [...next, held]
      await until('all to be held', async () => (await lists()).length === 3, PATIENCE)
      await rig.client.control.revoke(all)
      await until('none to be held', async () => (await lists()).length === 0, PATIENCE)
      await until('their messages to be gone', async () => (await rig.stats()).held <= 1, PATIENCE)
      for (const id of all) {
        await until(`${id} to be REVOKED`, async () => (await rig.client.result(id).state()) === 'REVOKED', PATIENCE)
        assert.equal(rig.times(id), 0)
      }
      await rig.drained([long])
    },
  )
}
