import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../../src/testing/chaos/waiting.js'
import { type HaltingPlace, isAmqp, type RegisterCase } from './halting-place.js'
import { PATIENCE, Rig } from './rig.js'

/* H01–H18: connections and consumers. Everyday sizes; LOVAGE_LONG=1 plays each as often as the case says. */

const LONG = process.env['LOVAGE_LONG'] === '1'

export function connectionCases(place: HaltingPlace, test: RegisterCase): void {
  const { name, needed } = place

  test(`H01 ${name}: consuming goes on after every reset, idle or busy, with one consumer`, needed, async () => {
    await using rig = await Rig.open(place, 'h01')
    const { proxy } = await rig.worker({ settings: { workerPrefetchMultiplier: 6 } })
    await rig.drained(await rig.send('first', 20))
    for (let round = 0; round < (LONG ? 20 : 2); round++) {
      proxy.reset()
      const idle = await rig.send(`idle${round}-`, 20)
      await rig.drained(idle)
      const busy = await rig.send(`busy${round}-`, 40, 50)
      await until('four to run', () => busy.filter(id => rig.times(id) === 1).length >= 4)
      proxy.reset()
      await rig.drained(busy)
    }
    await rig.hasOneConsumer()
  })

  test(
    `H02 ${name}: a connection that flaps during its handshake, at any byte, becomes exactly one consumer`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h02')
      const { proxy, log } = await rig.worker()
      for (let k = 0; k <= 40; k += LONG ? 1 : 5) {
        const cut = proxy.cutAfter(k * 64)
        proxy.reset()
        await Promise.race([cut, sleep(1500)])
        await proxy.heal()
        await rig.drained(await rig.send(`k${k}-`, 2))
      }
      await rig.drained(await rig.send('last', 20))
      await rig.hasOneConsumer()
      assert.deepEqual(
        log.filter(line => /internal error/i.test(line.message)),
        [],
      )
    },
  )

  test(
    `H03 ${name}: a half-open connection is noticed, idle or busy, and no running task runs twice here`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h03')
      const { proxy } = await rig.worker()
      await rig.drained(await rig.send('warm', 4))
      proxy.blackhole({ connections: 'present' })
      await rig.drained(await rig.send('idle', 20))
      const busy = await rig.send('busy', 2, 3000)
      await rig.started(busy)
      proxy.blackhole({ connections: 'present' })
      await rig.drained([...busy, ...(await rig.send('meanwhile', 10))])
      rig.once(busy)
    },
  )

  for (const seconds of LONG ? [0.5, 2, 5, 20, 60] : [0.5, 3]) {
    test(`H04 F22 ${name}: an outage of ${seconds} s ends with work`, needed, async () => {
      await using rig = await Rig.open(place, `h04-${seconds * 10}`)
      const { proxy, log } = await rig.worker()
      await rig.drained(await rig.send('before', 4))
      await proxy.refuse()
      const ids = await rig.send('during', 10)
      await sleep(seconds * 1000)
      await proxy.heal()
      await rig.drained(ids)
      const tries = log.filter(line => line.message.startsWith('Cannot connect')).length
      assert.ok(tries <= 20 + seconds * 2, `${tries} tries`)
    })
  }

  test(
    `H06 H28 ${name}: what began before a reset and ends after it runs once, and leaves every slot free`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h06')
      const { proxy, log } = await rig.worker({ settings: { workerPrefetchMultiplier: 2 } })
      const long = await rig.send('long', 4, 3000)
      await rig.started(long)
      await sleep(300)
      proxy.reset()
      const short = await rig.send('short', 20, 20)
      await rig.drained([...long, ...short])
      rig.once([...long, ...short])
      await rig.meet('after', 4)
      assert.deepEqual(
        log.filter(line => /delivery tag|PRECONDITION|(?<![\d.])406\b/.test(line.message)),
        [],
      )
    },
  )

  test(`H08 ${name}: after a reset with every slot busy, all slots work in parallel again`, needed, async () => {
    await using rig = await Rig.open(place, 'h08')
    const { proxy } = await rig.worker({ concurrency: 8, settings: { workerPrefetchMultiplier: 1 } })
    const long = await rig.send('long', 8, 1500)
    await rig.started(long)
    proxy.reset()
    await rig.drained(long)
    await rig.meet('again', 8)
    const short = await rig.send('short', 80, 10)
    await rig.drained(short)
    rig.once([...long, ...short])
  })

  test(`H11 ${name}: queues that are added and taken away at run time stay so after a reset`, needed, async () => {
    await using rig = await Rig.open(place, 'h11', { controlExchange: 'h11' })
    const { worker, proxy } = await rig.worker()
    const extra = `${rig.queue}-extra`
    const to = { destination: worker.name, reply: true, timeout: 30 } as const
    const queues = async (): Promise<readonly string[]> => {
      const answer = (await rig.client.inspect({ destination: worker.name, timeout: 5 }).activeQueues())[worker.name]
      return ((answer ?? []) as readonly { readonly name: string }[]).map(queue => queue.name)
    }
    await rig.hears(worker)
    const answer = await rig.client.control.addConsumer(extra, {}, to)
    assert.deepEqual(answer, { [worker.name]: { ok: `add consumer ${extra}` } })
    await rig.ended(await rig.send('added', 5, 5, { queue: extra }))
    proxy.reset()
    await rig.ended(await rig.send('kept', 10, 5, { queue: extra }))
    // What is told while it connects anew, it does not hear.
    await until('it to hear', async () => (await queues()).length === 2, PATIENCE)
    const cancelled = await rig.client.control.cancelConsumer(extra, to)
    assert.deepEqual(cancelled, { [worker.name]: { ok: `no longer consuming from ${extra}` } })
    proxy.reset()
    await rig.drained(await rig.send('own', 10))
    await until('only its own queue', async () => (await queues()).join() === rig.queue, PATIENCE)
    const [left = ''] = await rig.send('left', 1, 5, { queue: extra })
    await rig.drained(await rig.send('after', 5))
    assert.equal(rig.times(left), 0)
  })

  test(`H13 ${name}: a backlog that waits when a worker starts is worked off at once`, needed, async () => {
    await using rig = await Rig.open(place, 'h13')
    const ids = await rig.send('backlog', LONG ? 5000 : 500, 0)
    await rig.worker({ concurrency: 16 })
    await rig.drained(ids)
    rig.once(ids)
  })

  test(`H15 F27 G5 ${name}: connections that come and go leave no socket behind`, needed, async () => {
    await using rig = await Rig.open(place, 'h15')
    const { proxy } = await rig.worker()
    await rig.drained(await rig.send('before', 4))
    // Over RabbitMQ a second line opens with the first publish, which may be one of the neighbours' conversation.
    const most = Math.max(proxy.counts.open, isAmqp(place) ? 2 : 0)
    for (let round = 0; round < (LONG ? 500 : 15); round++) {
      if (round % 3 === 2) await proxy.refuse()
      else proxy.reset()
      await sleep(30)
      await proxy.heal()
    }
    await rig.drained(await rig.send('after', 4))
    await until('no more connections than before', () => proxy.counts.open <= most, PATIENCE)
  })

  test(
    `F25 ${name}: a slow connection, a few bytes at a time, is no broken one: nothing is given out twice`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'f25')
      const { proxy } = await rig.worker()
      proxy.delay(20, { jitter: 30 })
      await rig.drained(await rig.send('late', 10))
      await proxy.heal()
      proxy.throttle(40)
      const ids = await rig.send('slow', 10)
      await rig.drained(ids)
      rig.once(ids)
      assert.equal(proxy.counts.broken, 0)
    },
  )

  test(`F24 ${name}: a connection silent one way only is noticed, either way`, needed, async () => {
    await using rig = await Rig.open(place, 'f24')
    const { proxy } = await rig.worker()
    for (const direction of ['up', 'down'] as const) {
      proxy.blackhole({ direction, connections: 'present' })
      await rig.drained(await rig.send(direction, 5))
    }
  })

  if (!isAmqp(place)) return
  test(`H05 F28 ${name}: a queue deleted under its consumer, idle or busy, is consumed again`, needed, async () => {
    await using rig = await Rig.open(place, 'h05')
    await rig.worker()
    await rig.drained(await rig.send('before', 4))
    await place.deleteQueue(rig.queue)
    await rig.drained(await rig.send('again', 20))
    const busy = await rig.send('busy', 2, 1000)
    await rig.started(busy)
    await place.deleteQueue(rig.queue)
    await rig.drained([...busy, ...(await rig.send('third', 20))])
  })
}
