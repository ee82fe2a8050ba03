import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { runId } from '../../src/beat/decide.js'
import { startBeat } from '../../src/beat/start-beat.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { prometheus } from '../../src/telemetry/prometheus.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { BeatStage } from '../support/beat/beat-stage.js'

/* H61: a scheduler that stands still is seen by its last tick, and says what it waits for. */

test('H61 a beat whose broker is away says which entry waits, and is well again when it is back', async () => {
  await simulate('health, broker', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: { tick: { task: 't', schedule: 5 } }, publishTimeout: '2s' })
    stage.cluster.worker('w')
    const { beat, broker } = stage.beat()
    await stage.sleep(6000)
    assert.deepEqual([beat.health.ready, beat.health.leads, beat.health.entries], [true, true, 1])
    broker.cut()
    await stage.sleep(25_000)
    const { live, ready, reasons, lastTick } = beat.health
    assert.deepEqual([live, ready], [true, false])
    assert.match(reasons.join(), /entry tick cannot be sent/)
    assert.ok(world.runtime.clock.now() - Date.parse(lastTick ?? '') < 1000, lastTick)
    broker.heal()
    await stage.sleep(20_000)
    assert.deepEqual(beat.health.reasons, [])
    await stage.sleep(5000)
    assert.ok(stage.ids.length >= 9, `${stage.ids.length}: none was lost`)
  })
})

test('H61 a beat whose store is away is not ready; a spare is', async () => {
  await simulate('health, store', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: { tick: { task: 't', schedule: 5 } } })
    stage.cluster.worker('w')
    const first = stage.beat()
    await stage.sleep(3000)
    const second = stage.beat()
    await stage.sleep(3000)
    assert.deepEqual([second.beat.health.ready, second.beat.health.leads], [true, false])
    first.store.cut()
    await stage.sleep(45_000)
    assert.match(first.beat.health.reasons.join(), /its store has not answered for/)
    assert.deepEqual([second.beat.health.ready, second.beat.health.leads], [true, true])
  })
})

test('H61 H63 a store that does not answer for long keeps nothing waiting while the lead lasts', async () => {
  await simulate('slow store', async (world: SimWorld) => {
    const stage = new BeatStage(world, {
      beatSchedule: { tick: { task: 't', schedule: 30 }, tock: { task: 't', schedule: 35 } },
    })
    stage.cluster.worker('w')
    const { store } = stage.beat()
    await stage.sleep(28_000)
    store.blackhole()
    await stage.sleep(3500)
    assert.equal(stage.ids.length, 1, 'sent at its time')
    store.heal()
    await stage.sleep(30_000)
    assert.equal(stage.ids.length, 3)
  })
})

test('D90 a schedule that takes longer to read than a lease lasts is read under one lead', async () => {
  await simulate('slow reading', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: { tick: { task: 't', schedule: 5 } } })
    stage.cluster.worker('w')
    const { store } = stage
    const write = store.write.bind(store)
    // What is remembered of new entries is written before the first of them is due.
    store.write = async (records, term) => {
      if (stage.ids.length === 0) await stage.sleep(3500)
      return await write(records, term)
    }
    const times = { lease: 3000, renewEvery: 500, askEvery: 500 }
    const { beat } = stage.beat('slow', times)
    await stage.sleep(30_000)
    assert.deepEqual([beat.status.term, beat.health.ready], [1, true])
    assert.ok(stage.ids.length >= 3, `${stage.ids.length} runs`)
  })
})

test('D91 a leader whose store tells it late of what it has written itself sends nothing again', async () => {
  await simulate('late news', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: { tick: { task: 't', schedule: 1 } } })
    stage.cluster.worker('w')
    const { store } = stage
    const changes = store.changes.bind(store)
    store.changes = async cursor => {
      const answer = await changes(cursor)
      await stage.sleep(world.random.between(0, 1500))
      return answer
    }
    const { app } = stage.beat()
    const sent: unknown[] = []
    app.use({ name: 'counter', observe: event => event.type === 'beat-sent' && sent.push(event.fields['id']) })
    await stage.sleep(120_000)
    assert.ok(sent.length > 110, `${sent.length}`)
    assert.equal(new Set(sent).size, sent.length)
  })
})

test('H61 ten minutes of broken connections: every run comes, none late by more than the fault and a reconnection', async () => {
  const good = Object.fromEntries(
    Array.from(
      { length: 20 },
      (_, i) => [`e${i}`, { task: 't', schedule: 1 + 3 * i, args: [i], misfire: 'all' }] as const,
    ),
  )
  const bad = { task: 't', schedule: 1, args: [() => 1] }
  await simulate('ten minutes', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: { bad, ...good }, publishTimeout: '2s' })
    stage.cluster.worker('w')
    const { broker, store } = stage.beat()
    await stage.sleep(500)
    while (world.now < 600_000) {
      const link = world.random.pick([broker, store])
      if (world.random.next() < 0.5) link.reset()
      else {
        link.blackhole()
        await stage.sleep(3000)
        link.heal()
      }
      await stage.sleep(world.random.between(5000, 20_000))
    }
    await stage.cluster.quiet(30_000)
    const { entries } = await stage.book.list()
    for (const { entry, state } of entries) {
      const every = 1000 * (1 + 3 * Number(entry.args[0]))
      const ran = new Map(stage.runs.filter(({ args }) => args[0] === entry.args[0]).map(({ id, at }) => [id, at]))
      const { last = 0, runs = 0 } = state ?? {}
      assert.ok(runs >= Math.floor(590_000 / every), `${entry.name}: ${runs} runs`)
      for (let i = 0; i < runs; i++) {
        const instant = last - i * every
        const late = (ran.get(runId(entry, instant)) ?? Number.POSITIVE_INFINITY) - instant
        assert.ok(late < 12_000, `${entry.name}: ${late} ms late`)
      }
    }
  })
})

test('H61 a clock that goes an hour wrong and is put right leaves nothing that does not go on', async () => {
  await simulate('an hour', async (world: SimWorld) => {
    const stage = new BeatStage(world, {
      beatSchedule: { tick: { task: 't', schedule: 7 }, cron: { task: 't', schedule: '* * * * *' } },
    })
    stage.cluster.worker('w')
    const { process } = stage.beat()
    for (const step of [3_600_000, -3_600_000]) {
      await stage.sleep(65_000)
      process.stepWallClock(step)
      await stage.sleep(30_000)
      process.setClockRight()
      // What was sent while the clock was ahead is not sent again: after that hour it goes on.
      await stage.sleep(step > 0 ? 3_600_000 : 1000)
      const before = stage.ids.length
      await stage.sleep(70_000)
      assert.ok(stage.ids.length >= before + 10, `${stage.ids.length - before} runs after ${step}`)
    }
    assert.equal(new Set(stage.runs.map(({ id }) => id)).size, stage.runs.length)
  })
})

test('H61 the pages of a beat: probes, and metrics with its last tick', async () => {
  const { log, lines } = memoryLog()
  const settings = { brokerUrl: 'memory://', resultBackend: 'disabled', beatStoreUrl: 'memory://', beatHealth: '0' }
  await using app = new App('pages', settings, { runtime: { ...nodeRuntime(), log } })
  app.use(prometheus(app))
  const before = Date.now()
  await using _beat = await startBeat(app)
  const url = lines.map(({ message }) => /told at (\S+)\/livez/.exec(message)?.[1]).find(found => found !== undefined)
  const live = await fetch(`${url}/livez`)
  const ready = await fetch(`${url}/readyz`)
  assert.deepEqual([live.status, ready.status], [200, 200])
  const told = (await ready.json()) as Readonly<Record<string, unknown>>
  assert.deepEqual([told['leads'], told['term'], told['reasons']], [true, 1, []])
  assert.ok(Date.parse(String(told['lastTick'])) >= before - 1, String(told['lastTick']))
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const tick = /^lovage_beat_last_tick_timestamp_seconds\{beat="[^"]+"\} ([\d.]+)$/m.exec(metrics)?.[1]
  assert.ok(Number(tick) * 1000 >= before - 1, metrics)
  assert.match(metrics, /^lovage_beat_entries\{/m)
})
