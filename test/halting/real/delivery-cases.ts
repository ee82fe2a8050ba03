import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentTask } from '../../../src/app/current-task.js'
import { until } from '../../../src/testing/chaos/waiting.js'
import { type HaltingPlace, isAmqp, type RegisterCase } from './halting-place.js'
import { PATIENCE, Rig } from './rig.js'

/* H19–H34: what becomes of messages that wait, fail, are handed back, or cannot be read. */

const LONG = process.env['LOVAGE_LONG'] === '1'

export function deliveryCases(place: HaltingPlace, test: RegisterCase): void {
  const { name, needed } = place

  test(`H19 ${name}: tasks that wait or run for longer than a lease are given to nobody else`, needed, async () => {
    // Where many tests share two cores, a thread that keeps leases may have to wait for seconds.
    await using rig = await Rig.open(place, 'h19', { leaseTime: 8, leaseRenewInterval: 0.5 })
    for (const worker of ['w1', 'w2', 'w3']) await rig.worker({ name: worker })
    const eta = await rig.send('eta', LONG ? 50 : 10, 5, { countdown: 12 })
    const long = await rig.send('long', 5, 12_000)
    await rig.drained([...eta, ...long])
    rig.once([...eta, ...long])
  })

  test(
    `H26 F64 ${name}: messages that cannot be read are dead letters with a reason, and their neighbours run`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h26')
      const { log } = await rig.worker()
      const good: string[] = []
      for (const [index, [, , bad]] of BAD.entries()) {
        await rig.publishRaw({
          headers: { ...HEADERS, id: `bad-${index}`, ...bad.headers },
          properties: { ...TEXT, messageId: String(index), ...bad.properties },
          body: Buffer.from(bad.body ?? BODY),
        })
        good.push(...(await rig.send(`good${index}-`, 1)))
      }
      await rig.drained(good)
      rig.once(good)
      const reasons = await rig.dead(BAD.length)
      assert.deepEqual(
        BAD.map(([what], index) => [what, reasons.get(String(index))]),
        BAD.map(([what, reason]) => [what, reason]),
      )
      assert.deepEqual(
        log.filter(line => line.level === 'critical'),
        [],
      )
    },
  )

  test(
    `H27 D65 ${name}: a task that nobody knows waits, without a hot loop, and runs where it is known`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h27')
      const old = await rig.worker({ name: 'old' })
      const ids = ['a', 'b', 'c'].map(id => `${rig.queue}-${id}`)
      for (const taskId of ids) await rig.client.sendTask('new.task', [], { taskId })
      await sleep(2500)
      const told = old.log.filter(line => line.message.includes('new.task')).length
      assert.ok(told <= 3 * 4, `${told} lines about three tasks`)
      assert.deepEqual((await rig.stats(`${rig.queue}.dead`)).ready, 0)
      await old.worker.stop('warm')
      await rig.worker({
        name: 'new',
        tasks: app => {
          app.task(
            'new.task',
            () => {
              rig.note('new', 'start')
              rig.note('new', 'end')
            },
            { acksLate: true },
          )
        },
      })
      await rig.drained(ids)
      rig.once(ids)
    },
  )

  test(
    `H30 ${name}: a retry whose broker goes away at that very moment is not lost, and comes once`,
    needed,
    async () => {
      await using rig = await Rig.open(place, 'h30')
      await rig.worker({
        tasks: (app, node) => {
          app.task(
            'again',
            async () => {
              rig.note('w1', 'start')
              if (currentTask().retries === 0) {
                await node.proxy.refuse()
                setTimeout(() => void node.proxy.heal(), 1000)
                try {
                  throw currentTask().retry({ countdown: 0.1 })
                } catch {
                  // H30: user code that catches everything does not undo what was asked for.
                }
              } else rig.note('w1', 'end')
              return currentTask().retries
            },
            { acksLate: true },
          )
        },
      })
      const result = await rig.client.sendTask<number>('again', [], { taskId: `${rig.queue}-a` })
      assert.equal(await result.get({ timeout: 60 }), 1)
      await rig.drained([`${rig.queue}-a`])
      assert.equal(rig.journal.filter(entry => entry.attempt === 1 && entry.phase === 'start').length, 1)
    },
  )

  test(`H31 ${name}: a warm stop hands back at once what it held, and another worker has it`, needed, async () => {
    await using rig = await Rig.open(place, 'h31', { leaseTime: 60, leaseRenewInterval: 5 })
    const first = await rig.worker({ settings: { workerPrefetchMultiplier: 4 } })
    const ids = await rig.send('p', 30, 700)
    await until('four to run', () => ids.filter(id => rig.times(id) > 0).length >= 4)
    const stopping = first.worker.stop('warm')
    await rig.worker({ concurrency: 40 })
    await stopping
    await rig.drained(ids)
    rig.once(ids)
  })

  test(`H31 ${name}: a stop ends in its time with the broker silent, and a second one is quicker`, needed, async () => {
    await using rig = await Rig.open(place, 'h31b', { workerWarmShutdownTimeout: 3, workerColdShutdownTimeout: 1 })
    const warm = await rig.worker()
    const cold = await rig.worker()
    const ids = await rig.send('p', 2, 200)
    await rig.drained(ids)
    for (const { proxy } of [warm, cold]) proxy.blackhole()
    const limit = sleep(PATIENCE, 'late', { ref: false })
    assert.notEqual(await Promise.race([warm.worker.stop('warm'), limit]), 'late')
    void cold.worker.stop('warm')
    assert.notEqual(await Promise.race([cold.worker.stop('cold'), limit]), 'late')
  })

  test(`H32 ${name}: one task in a quiet queue does not wait behind a busy one`, needed, async () => {
    const queues = Array.from({ length: LONG ? 200 : 20 }, (_, n) => `h32-${n}`)
    await using rig = await Rig.open(place, 'h32', { taskQueues: queues, taskDefaultQueue: 'h32-0' })
    const busy = await rig.send('busy', LONG ? 10_000 : 300, 2, { queue: 'h32-0' })
    const [single = ''] = await rig.send('single', 1, 2, { queue: queues.at(-1) })
    await rig.worker({ concurrency: 1, settings: { workerPrefetchMultiplier: 1 } })
    await rig.drained([single])
    const before = rig.journal.findIndex(entry => entry.id === single) / 2
    assert.ok(before < 30, `${before} of the busy queue came first`)
    await rig.drained(busy, 4 * PATIENCE)
  })

  test(
    `H33 F62 ${name}: a flood of delayed tasks is not taken into memory, and what is due runs at once`,
    needed,
    async () => {
      const settings = { workerMaxHeld: 50 }
      await using rig = await Rig.open(place, 'h33', settings)
      const workers = [await rig.worker({ settings }), await rig.worker({ settings })]
      const far = await rig.send('far', LONG ? 20_000 : 400, 1, { countdown: 3600 })
      const near = await rig.send('near', 40, 1, { countdown: 3 })
      const now = await rig.send('now', 50)
      await until('those that are due', () => now.every(id => rig.times(id) === 1), PATIENCE)
      await until('those that became due', () => near.every(id => rig.times(id) === 1), PATIENCE)
      rig.once([...now, ...near])
      assert.deepEqual(
        far.filter(id => rig.times(id) > 0),
        [],
      )
      await until('nobody to be busy', () => workers.every(({ worker }) => worker.busy === 0), PATIENCE)
    },
  )

  test(`H34 ${name}: delayed tasks, as many as slots and many more, keep no place from others`, needed, async () => {
    await using rig = await Rig.open(place, 'h34', { workerPrefetchMultiplier: 1 })
    await rig.worker()
    await rig.send('far', 40, 1, { countdown: 600 })
    await sleep(500)
    const ids = await rig.send('now', 50)
    await until('those that are due', () => ids.every(id => rig.times(id, 'end') === 1), PATIENCE)
    rig.once(ids)
  })

  if (isAmqp(place)) return
  test(`H71 ${name}: with every wake-up lost a task still starts`, needed, async () => {
    await using rig = await Rig.open(place, 'h71')
    await rig.worker()
    for (let n = 0; n < 20; n++) {
      const [id = ''] = await rig.send(`n${n}-`, 1, 0)
      await rig.started([id])
    }
  })
}

const TEXT = { contentType: 'application/json', contentEncoding: 'utf-8' }
const BODY = '[[1], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
const HEADERS = { lang: 'js', task: 'probe', retries: 0, eta: null, expires: null, timelimit: [null, null] }

type Bad = readonly [
  what: string,
  reason: string,
  bad: { readonly headers?: object; readonly properties?: object; readonly body?: string | Buffer },
]

const BAD: readonly Bad[] = [
  ['cut JSON', 'undecodable', { body: BODY.slice(0, 20) }],
  ['invalid UTF-8', 'undecodable', { body: Buffer.from([0x5b, 0x22, 0xff, 0xfe, 0x22, 0x5d]) }],
  ['unknown content type', 'disallowed-content', { properties: { contentType: 'text/odd' } }],
  ['garbage for zlib', 'undecodable', { headers: { compression: 'application/x-gzip' } }],
  ['other JSON', 'malformed', { headers: { task: null, id: null }, body: '{"to": "you", "text": "hello"}' }],
  ['id is missing', 'malformed', { headers: { id: null } }],
  ['eta is garbage', 'malformed', { headers: { eta: 'tomorrow' } }],
]
