import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SettingsInput } from '../../src/app/settings.js'
import { runId } from '../../src/beat/decide.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { taskId, taskName } from '../../src/protocol/ids.js'
import type { Signature } from '../../src/protocol/signature.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { BeatStage } from '../support/beat/beat-stage.js'

/* Chains, groups and chords as periodic tasks: each due time is sent as one canvas, under ids that follow from it (D91). */

function call(...args: readonly unknown[]): Signature {
  return { task: taskName('t'), args, kwargs: {}, options: {}, subtaskType: null, immutable: true }
}

const CANVASES = {
  chained: chain(call('chained 1') as never, call('chained 2') as never) as Signature,
  grouped: group(call('grouped 1'), call('grouped 2'), call('grouped 3')) as Signature,
  chorded: chord([call('chorded 1'), call('chorded 2')], call('chorded body') as never) as Signature,
} as const

const STEPS = { chained: 2, grouped: 3, chorded: 3 } as const

async function onStage(
  beatSchedule: SettingsInput['beatSchedule'],
  act: (stage: BeatStage) => Promise<void>,
  options?: ConstructorParameters<typeof BeatStage>[2],
): Promise<void> {
  await simulate('beat of canvases', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: beatSchedule ?? {} }, options)
    stage.cluster.worker('w')
    await act(stage)
  })
}

function entries(more: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(CANVASES).map(([name, task]) => [name, { task, schedule: 10, ...more }] as const),
  )
}

test('a chain, a group and a chord are sent at each due time, and the result is found under the id of the run', async () => {
  await onStage(entries({}), async stage => {
    stage.beat()
    await stage.sleep(35_000)
    for (const [name, steps] of Object.entries(STEPS)) {
      const ran = stage.runs.filter(run => String(run.args[0]).startsWith(name))
      assert.equal(ran.length, 3 * steps, `${name}: ${ran.map(run => run.args[0])}`)
      assert.equal(new Set(ran.map(({ id }) => id)).size, ran.length)
      const { state } = await stage.book.show(name)
      if (name === 'grouped') continue
      const meta = await stage.cluster.results().fetch(taskId(runId({ name }, state?.last ?? 0)))
      assert.equal(meta?.status, 'SUCCESS', name)
    }
  })
})

test('D91 D92 a leader that dies or freezes right after it has sent a canvas: the next one sends the same messages, and none is run twice', async () => {
  await onStage(entries({ misfire: 'all' }), async stage => {
    const nodes = [stage.beat(), stage.beat(), stage.beat()]
    for (let round = 0; round < 8; round++) {
      const { next } = await stage.book.show('chained')
      // Between the first message of a canvas and what is remembered of it.
      const wait = (next ?? 0) - stage.world.runtime.clock.now() + stage.world.random.between(0, 8)
      await stage.sleep(Math.max(0, wait))
      const leader = nodes.find(({ beat, process }) => process.alive && beat.status.term !== undefined)
      if (leader === undefined) continue
      if (round % 2 === 0) {
        leader.process.kill()
        nodes.push(stage.beat())
      } else {
        leader.process.freeze()
        await stage.sleep(40_000)
        leader.process.thaw()
      }
      await stage.sleep(40_000)
    }
    for (const { beat, process } of nodes) if (process.alive) await beat[Symbol.asyncDispose]()
    // A step that has ended tells of the next one in a moment.
    await stage.sleep(5000)
    await stage.cluster.quiet(60_000)
    for (const [name, steps] of Object.entries(STEPS)) {
      const ran = stage.runs.filter(run => String(run.args[0]).startsWith(name))
      const { state } = await stage.book.show(name)
      assert.equal(new Set(ran.map(({ id }) => id)).size, ran.length, `${name}: nothing was run twice`)
      assert.equal(
        ran.length,
        (state?.runs ?? 0) * steps,
        `${name}: every canvas was sent whole: ${ran.length} tasks of ${state?.runs} runs`,
      )
      assert.ok((state?.runs ?? 0) > 20, `${name}: ${state?.runs}`)
    }
  })
})

test('P3-18 overlap and failures are judged by all tasks of a canvas', async () => {
  const world: { sleep?: (ms: number) => Promise<void> } = {}
  const work = async (name: unknown): Promise<void> => {
    if (name === 'fails') throw new Error('no')
    if (name === 'long') await world.sleep?.(15_000)
  }
  const given = {
    slow: { task: chain(call('slow') as never, call('long') as never), schedule: 5, overlap: 'skip' },
    bad: {
      task: chain(call('bad') as never, call('fails') as never, call('never') as never),
      schedule: 5,
      failureThreshold: 2,
    },
  }
  await onStage(
    given,
    async stage => {
      world.sleep = ms => stage.sleep(ms)
      stage.beat()
      await stage.sleep(62_000)
      const of = (name: string): number => stage.runs.filter(run => run.args[0] === name).length
      assert.ok(of('slow') >= 3 && of('slow') <= 4, `slow: ${of('slow')}`)
      assert.equal(of('bad'), 2)
      assert.equal(of('never'), 0)
      assert.match((await stage.book.show('bad')).why ?? '', /2 runs in a row have failed/)
    },
    { work },
  )
})

test('a canvas that can never run is refused by the name of its entry; an edited one keeps its parts', async () => {
  const chordless = { ...CANVASES.chorded, kwargs: { header: [call('x')] } }
  await onStage(
    { bad: { task: chordless, schedule: 5 }, good: { task: CANVASES.chained, schedule: 3600 } },
    async stage => {
      stage.beat()
      await stage.sleep(2000)
      const { broken } = await stage.book.list()
      assert.match(broken.map(({ error }) => error.message).join('\n'), /"bad": call: .*chord/)
      await stage.book.edit('good', { schedule: 5 })
      await stage.sleep(6500)
      assert.deepEqual(
        stage.runs.map(run => run.args[0]),
        ['chained 1', 'chained 2'],
      )
      await stage.book.runNow('good')
      await stage.sleep(1000)
      assert.equal(stage.runs.length, 4)
    },
  )
})
