import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SimChannel } from './sim-channel.js'
import type { SimLink, SimLinkOptions } from './sim-link.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'
import { simulate } from './simulate.js'

interface Setup {
  readonly process: SimProcess
  readonly link: SimLink
  readonly channel: SimChannel
  /** What the place has applied, in order. */
  readonly applied: number[]
  call(n: number): Promise<number>
}

function setUp(world: SimWorld, options: Partial<SimLinkOptions> = {}): Setup {
  const process = world.process('a')
  const link = world.link(process, { place: 'p', latency: { min: 1, max: 10 }, ...options })
  const channel = link.connect((verb, sent) => new Error(`${verb} ${sent ? 'sent' : 'unsent'}`))
  const applied: number[] = []
  const call = (n: number): Promise<number> =>
    channel.call('add', () => {
      applied.push(n)
      return n * 10
    })
  return { process, link, channel, applied, call }
}

const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 7]

test('calls are applied and answered in order, late', async () => {
  for (let seed = 0; seed < 20; seed++) {
    await simulate(seed, async world => {
      const { applied, call } = setUp(world)
      const answered: number[] = []
      await Promise.all(NUMBERS.map(n => call(n).then(answer => answered.push(answer))))
      assert.deepEqual(applied, NUMBERS)
      assert.deepEqual(
        answered,
        NUMBERS.map(n => n * 10),
      )
      assert.ok(world.now >= 2)
    })
  }
})

test('when its process dies, a prefix of what it sent is applied: all, some or nothing, by the seed', async () => {
  const counts = new Set<number>()
  for (let seed = 0; seed < 60; seed++) {
    await simulate(seed, async world => {
      const { process, applied, call } = setUp(world)
      for (const n of NUMBERS) void call(n).then(() => assert.fail('the dead hear nothing'))
      process.kill()
      await world.sleep(100)
      assert.deepEqual(applied, NUMBERS.slice(0, applied.length))
      counts.add(applied.length)
    })
  }
  assert.ok(counts.has(0) && counts.has(NUMBERS.length) && counts.size > 2)
})

test('a cut link rejects what is under way and what comes later, and tells both ends', async () => {
  const { value } = await simulate(1, async world => {
    const { link, channel, call } = setUp(world)
    const told: string[] = []
    channel.onLost(() => told.push('process'))
    channel.onGone(() => told.push('place'))
    const underWay = call(1).catch((error: Error) => error.message)
    link.cut()
    const later = call(2).catch((error: Error) => error.message)
    await world.sleep(100)
    return { told, underWay: await underWay, later: await later, reconnected: link.connect(() => new Error()).open }
  })
  assert.deepEqual(value, {
    told: ['process', 'place'],
    underWay: 'add sent',
    later: 'add unsent',
    reconnected: false,
  })
})

test('a healed link takes new connections, the old ones stay lost', async () => {
  await simulate(1, async world => {
    const { link, channel } = setUp(world)
    link.cut()
    link.heal()
    assert.equal(channel.open, false)
    assert.equal(await link.connect(() => new Error()).call('add', () => 5), 5)
  })
})

test('in a black hole nothing arrives and nobody is told; after healing everything does, in order', async () => {
  await simulate(5, async world => {
    const { link, applied, call } = setUp(world)
    const first = Promise.all(NUMBERS.map(call))
    link.blackhole()
    await world.sleep(60_000)
    assert.deepEqual(applied, [])
    link.heal()
    await first
    assert.deepEqual(applied, NUMBERS)
  })
})

test('an answer that comes while the process is frozen is heard after it thaws', async () => {
  await simulate(1, async world => {
    const { process, call } = setUp(world)
    const answers: number[] = []
    void call(4).then(answer => answers.push(answer))
    process.freeze()
    await world.sleep(1000)
    assert.deepEqual(answers, [])
    process.thaw()
    await world.sleep(1)
    assert.deepEqual(answers, [40])
  })
})

test('a refusal of the place rejects the call', async () => {
  await simulate(1, async world => {
    const { channel } = setUp(world)
    const refusing = channel.call('add', () => {
      throw new Error('full')
    })
    await assert.rejects(refusing, /full/)
  })
})

const FATES = [
  { fate: 'lose-request', applied: [1], heard: 'add sent', alive: true },
  { fate: 'lose-answer', applied: [1, 2], heard: 'add sent', alive: true },
  { fate: 'crash-before', applied: [1], heard: 'nothing', alive: false },
  { fate: 'crash-after', applied: [1, 2], heard: 'nothing', alive: false },
] as const

for (const { fate, ...expected } of FATES) {
  test(`a call can be made to end in ${fate}`, async () => {
    const { value } = await simulate(1, async world => {
      const { process, applied, call } = setUp(world, { fate: ({ index }) => (index === 1 ? fate : 'pass') })
      await call(1)
      const heard = ['nothing']
      void call(2).catch((error: Error) => heard.push(error.message))
      await world.sleep(100)
      return { applied, heard: heard.at(-1), alive: process.alive }
    })
    assert.deepEqual(value, expected)
  })
}

test('closing lets what was sent arrive and makes the place notice', async () => {
  await simulate(1, async world => {
    const { channel, applied, call } = setUp(world)
    const told: string[] = []
    channel.onGone(() => void told.push('place'))
    void call(1).catch(() => {})
    channel.close()
    await world.sleep(100)
    assert.deepEqual(applied, [1])
    assert.deepEqual(told, ['place'])
  })
})

test('a place behind a black hole notices that a process died only after healing', async () => {
  await simulate(1, async world => {
    const { process, link, channel } = setUp(world)
    const told: number[] = []
    channel.onGone(() => void told.push(world.now))
    link.blackhole()
    process.kill()
    await world.sleep(1000)
    assert.deepEqual(told, [])
    link.heal()
    await world.sleep(100)
    assert.equal(told.length, 1)
  })
})

test('a place that has noticed the end tells late listeners, too', async () => {
  await simulate(1, async world => {
    const { link, channel } = setUp(world)
    link.reset()
    await world.sleep(100)
    const told: string[] = []
    channel.onGone(() => void told.push('place'))
    assert.deepEqual(told, ['place'])
  })
})

test('a call that balks reaches nobody, and the connection stays', async () => {
  await simulate('balk', async world => {
    const { applied, call, channel } = setUp(world, { fate: ({ index }) => (index === 0 ? 'balk' : 'pass') })
    await assert.rejects(call(1), /add unsent/)
    assert.equal(await call(2), 20)
    assert.deepEqual([applied, channel.open], [[2], true])
  })
})
