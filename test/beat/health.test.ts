import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
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
