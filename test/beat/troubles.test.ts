import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runId } from '../../src/beat/decide.js'
import { readState } from '../../src/beat/records.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { type BeatNode, BeatStage } from '../support/beat/beat-stage.js'

/* Reliability F53, F54, D90-D92, I10; halting case H62: schedulers that die, freeze, are cut off, whose clocks step. */

const ENTRIES = {
  quick: { task: 't', schedule: 3, args: ['quick'] },
  slow: { task: 't', schedule: 11, args: ['slow'] },
  minute: { task: 't', schedule: '* * * * *', args: ['minute'], misfire: 'all' },
} as const

const SPANS: Readonly<Record<string, number>> = { quick: 3000, slow: 11_000, minute: 60_000 }

const TROUBLES = ['kill', 'freeze', 'cut', 'blackhole', 'broker', 'step', 'stop'] as const

/** Waits until an entry is due within a moment: a leader in trouble right then is what loses or doubles runs. */
async function toDueTime(stage: BeatStage): Promise<void> {
  const { entries } = await stage.book.list()
  const next = Math.min(...entries.flatMap(({ next }) => next ?? []))
  const wait = next - stage.world.runtime.clock.now() + stage.world.random.between(-15, 15)
  await stage.sleep(Math.max(0, wait))
}

async function trouble(stage: BeatStage, beats: BeatNode[]): Promise<void> {
  const { random } = stage.world
  const leader = beats.find(({ beat }) => beat.status.term !== undefined) ?? random.pick(beats)
  const spans = random.between(1000, 40_000)
  switch (random.pick(TROUBLES)) {
    case 'kill':
      leader.process.kill()
      beats[beats.indexOf(leader)] = stage.beat()
      return
    case 'stop':
      await leader.beat[Symbol.asyncDispose]()
      leader.process.kill()
      beats[beats.indexOf(leader)] = stage.beat()
      return
    case 'freeze':
      leader.process.freeze()
      await stage.sleep(spans)
      leader.process.thaw()
      return
    case 'cut':
      leader.store.cut()
      await stage.sleep(spans)
      leader.store.heal()
      return
    case 'blackhole':
      leader.store.blackhole()
      await stage.sleep(spans)
      leader.store.heal()
      return
    case 'broker':
      leader.broker.reset()
      return
    default:
      // Back by less than the time between two troubles, or on: the host's clock was wrong, and is put right.
      leader.process.stepWallClock(random.between(-2000, 2000))
      await stage.sleep(random.between(100, 3000))
      leader.process.setClockRight()
  }
}

test('D91 F53 H62 I10 three beats, 200 troubles at due times: each due time of each entry is sent once, none is missed, one leads', async () => {
  await simulate(
    'troubled beats',
    async (world: SimWorld) => {
      const stage = new BeatStage(world, { beatSchedule: ENTRIES })
      stage.cluster.worker('w')
      const beats = [stage.beat(), stage.beat(), stage.beat()]
      world.always(() => {
        const leaders = beats.filter(({ beat, process }) => process.alive && beat.status.term !== undefined)
        if (leaders.length > 1) throw new Error(`${leaders.length} lead at once`)
      })
      await stage.sleep(2000)
      const begun = await states(stage)
      for (let round = 0; round < 200; round++) {
        await toDueTime(stage)
        await trouble(stage, beats)
        await stage.sleep(world.random.between(0, 45_000))
      }
      await stage.sleep(60_000)
      const ended = await states(stage)
      await stage.cluster.quiet(60_000)
      for (const [name, { last }] of ended) {
        const first = begun.get(name)?.last ?? 0
        const wanted = dueTimes(name, first, last).map(instant => runId({ name }, instant))
        const later = dueTimes(name, first, last + 120_000).map(instant => runId({ name }, instant))
        const ran = stage.runs.filter(run => run.args[0] === name).map(({ id }) => id)
        assert.ok(wanted.length > 30, `${name}: ${wanted.length} due times`)
        const missed = wanted.filter(id => !ran.includes(id))
        assert.deepEqual(missed, [], `${name}: every due time was sent`)
        const others = ran.filter(id => !later.includes(id))
        assert.deepEqual(others, [], `${name}: nothing else was sent`)
        assert.equal(new Set(ran).size, ran.length, `${name}: nothing was run twice`)
      }
    },
    { trace: 'instants' },
  )
})

async function states(stage: BeatStage) {
  const { records } = await stage.store.changes(0)
  return new Map(
    records.flatMap(({ key, value }) => {
      const state = key.startsWith('state:') && value !== undefined ? readState(value) : undefined
      return state === undefined ? [] : [[key.slice('state:'.length), state] as const]
    }),
  )
}

function dueTimes(name: string, after: number, until: number): readonly number[] {
  const span = SPANS[name] ?? Number.NaN
  const start = name === 'minute' ? Math.floor(after / span) * span : after
  return Array.from({ length: Math.floor((until - start) / span) }, (_, i) => start + (i + 1) * span)
}
