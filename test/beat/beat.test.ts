import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SettingsInput } from '../../src/app/settings.js'
import { runId } from '../../src/beat/decide.js'
import { SIM_EPOCH, type SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { BeatStage } from '../support/beat/beat-stage.js'

type Options = ConstructorParameters<typeof BeatStage>[2]

async function onStage(
  beatSchedule: SettingsInput['beatSchedule'],
  act: (stage: BeatStage) => Promise<void>,
  options?: Options,
): Promise<void> {
  await simulate('beat', async (world: SimWorld) => {
    const stage = new BeatStage(world, { beatSchedule: beatSchedule ?? {} }, options)
    stage.cluster.worker('w')
    await act(stage)
  })
}

/** Ids of the runs of an entry that was first seen then, until now. */
function expected(name: string, first: number, every: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => runId({ name }, first + (i + 1) * every))
}

describe('a beat', () => {
  test('sends an interval again and again, each run by the id that follows from entry and due time', async () => {
    await onStage({ tick: { task: 't', schedule: 10, args: ['x'] } }, async stage => {
      stage.beat()
      await stage.sleep(60_500)
      const { state } = await stage.book.show('tick')
      assert.equal(stage.ids.length, 6)
      assert.equal(state?.runs, 6)
      const first = (state?.last ?? 0) - 60_000
      assert.deepEqual(stage.ids, expected('tick', first, 10_000, 6))
      assert.deepEqual(stage.runs[0]?.args, ['x'])
    })
  })

  test('H63 what is added, changed, paused, resumed or removed is so within a second, also while it sleeps', async () => {
    await onStage({ far: { task: 't', schedule: 300, args: ['far'] } }, async stage => {
      stage.beat()
      await stage.sleep(5000)
      await stage.book.add('soon', { task: 't', schedule: 2, args: ['soon'] })
      await stage.sleep(2600)
      assert.equal(stage.runs.filter(run => run.args[0] === 'soon').length, 1)
      await stage.book.edit('soon', { args: ['edited'] })
      await stage.sleep(2000)
      assert.equal(stage.runs.at(-1)?.args[0], 'edited')
      await stage.book.pause('soon')
      await stage.sleep(1000)
      const paused = stage.runs.length
      await stage.sleep(20_000)
      assert.equal(stage.runs.length, paused)
      await stage.book.resume('soon')
      await stage.sleep(2600)
      assert.equal(stage.runs.length, paused + 1, 'what was due in the pause is not made up')
      await stage.book.remove('soon')
      await stage.sleep(1000)
      const removed = stage.runs.length
      await stage.sleep(20_000)
      assert.equal(stage.runs.length, removed)
    })
  })

  test('an entry added for a single time that passes before a beat sees it is sent', async () => {
    await onStage({}, async stage => {
      stage.beat()
      await stage.sleep(5000)
      await stage.book.add('once', { task: 't', schedule: { kind: 'once', at: SIM_EPOCH + 5100 } })
      await stage.sleep(5000)
      assert.equal(stage.ids.length, 1)
      const { next, why } = await stage.book.show('once')
      assert.deepEqual([next, why], [undefined, 'no due time is left'])
    })
  })

  test('H64 after an outage: one run that stands for all, all, or none, as the entry says', async () => {
    const entry = { task: 't', schedule: 60 }
    const entries = {
      one: { ...entry, args: ['one'] },
      all: { ...entry, args: ['all'], misfire: 'all' },
      none: { ...entry, args: ['none'], misfire: 'none' },
      dead: { ...entry, args: ['dead'], schedule: 3600, deadline: 600 },
    }
    await onStage(entries, async stage => {
      const first = stage.beat()
      await stage.sleep(61_000)
      const before = stage.runs.length
      assert.equal(before, 3)
      first.process.kill()
      await stage.sleep(26 * 3600_000 + 1500_000)
      stage.beat()
      await stage.sleep(20_000)
      const made = (name: string): number => stage.runs.slice(before).filter(run => run.args[0] === name).length
      assert.ok(made('one') >= 1 && made('one') <= 2, `one: ${made('one')}`)
      assert.ok(made('none') <= 1, `none: ${made('none')}`)
      assert.ok(made('all') > 1500, `all: ${made('all')}`)
      assert.equal(made('dead'), 0)
      assert.equal(stage.ids.length, stage.runs.length)
    })
  })

  test('H64 what was due in the last hour of a day is made up after midnight, too', async () => {
    const entry = { task: 't', schedule: '0,30 23 * * *' }
    await onStage(
      { one: { ...entry, args: ['one'] }, all: { ...entry, args: ['all'], misfire: 'all' } },
      async stage => {
        const night = SIM_EPOCH + 22 * 3600_000
        await stage.sleep(22 * 3600_000)
        const first = stage.beat()
        await stage.sleep(80 * 60_000)
        first.process.kill()
        await stage.sleep(50 * 60_000)
        stage.beat()
        await stage.sleep(10_000)
        for (const name of ['one', 'all']) {
          const ran = stage.runs.filter(run => run.args[0] === name).map(({ id }) => id)
          const due = [60, 90].map(minutes => runId({ name }, night + minutes * 60_000))
          assert.deepEqual(ran, due, name)
        }
      },
    )
  })

  test('D93 bad entries are said by name and reason, and never delay the others', async () => {
    const entries = {
      broken: { task: 't', schedule: 'every now and then' },
      zone: { task: 't', schedule: { kind: 'cron', expression: '* * * * *', zone: 'Mars/Olympus' } },
      value: { task: 't', schedule: 5, args: [() => 1] },
      typo: { task: 't', schedule: 5, argz: [1] },
      good: { task: 't', schedule: 5, args: ['good'] },
    }
    const report = await simulate('bad entries', async (world: SimWorld) => {
      const stage = new BeatStage(world, { beatSchedule: entries })
      stage.cluster.worker('w')
      stage.beat()
      await stage.sleep(21_000)
      assert.deepEqual(new Set(stage.runs.map(run => run.args[0])), new Set(['good']))
      assert.equal(stage.runs.length, 4)
      const { broken } = await stage.book.list()
      return broken.map(({ name, error }) => `${name} ${error.message}`)
    })
    const lines = report.value.join('\n')
    for (const pattern of [
      /^broken .*"broken": schedule: /m,
      /^zone .*Mars\/Olympus/m,
      /^value .*"value": call: /m,
      /^typo .*argz: is no member of an entry; did you mean args/m,
    ]) {
      assert.match(lines, pattern)
    }
  })

  test('a number of runs, a first and a last time bound what is sent', async () => {
    const entries = {
      thrice: { task: 't', schedule: 5, args: ['thrice'], maxRuns: 3 },
      window: {
        ...{ task: 't', schedule: 5, args: ['window'] },
        ...{ start: SIM_EPOCH + 20_000, end: SIM_EPOCH + 41_000 },
      },
    }
    await onStage(entries, async stage => {
      stage.beat()
      await stage.sleep(100_000)
      const of = (name: string): number => stage.runs.filter(run => run.args[0] === name).length
      assert.equal(of('thrice'), 3)
      assert.ok(of('window') >= 4 && of('window') <= 5, `${of('window')}`)
      assert.match((await stage.book.show('thrice')).why ?? '', /ran 3 times/)
      assert.match((await stage.book.show('window')).why ?? '', /it ended at/)
    })
  })

  for (const [overlap, least, most] of [
    ['allow', 9, 10],
    ['skip', 3, 4],
    ['queue', 3, 5],
  ] as const) {
    test(`P3-18 overlap ${overlap}: of runs that take longer than their interval`, async () => {
      let running = 0
      let together = 0
      const world: { sleep?: (ms: number) => Promise<void> } = {}
      const work = async (): Promise<void> => {
        together = Math.max(together, ++running)
        await world.sleep?.(5000)
        running--
      }
      await onStage(
        { slow: { task: 't', schedule: 2, overlap } },
        async stage => {
          world.sleep = ms => stage.sleep(ms)
          stage.beat()
          await stage.sleep(20_500)
          assert.ok(stage.ids.length >= least && stage.ids.length <= most, `${stage.ids.length} runs`)
          assert.equal(together > 1, overlap === 'allow')
          await stage.sleep(10_000)
        },
        { work },
      )
    })
  }

  test('runs that fail one after another disable their entry, until it is resumed', async () => {
    let mended = false
    const work = (): void => {
      if (!mended) throw new Error('no')
    }
    await onStage(
      { bad: { task: 't', schedule: 5, failureThreshold: 3 } },
      async stage => {
        stage.beat()
        await stage.sleep(60_000)
        assert.equal(stage.ids.length, 3)
        assert.match((await stage.book.show('bad')).why ?? '', /3 runs in a row have failed/)
        mended = true
        await stage.book.resume('bad')
        await stage.sleep(31_000)
        assert.ok(stage.ids.length >= 8, `${stage.ids.length}`)
      },
      { work },
    )
  })

  test('jitter makes a run later by the same for every beat, and no run is lost by it', async () => {
    await onStage({ shaky: { task: 't', schedule: 10, jitter: 5 } }, async stage => {
      stage.beat()
      await stage.sleep(106_000)
      assert.equal(stage.ids.length, 10)
      const late = stage.runs.map(run => (run.at - (stage.runs[0]?.at ?? 0)) % 10_000)
      assert.ok(new Set(late.map(Math.floor)).size > 3, 'not all are as late')
    })
  })
})

describe('several beats', () => {
  test('D90 F54 three that start at once: one leads, and nothing is sent twice', async () => {
    await onStage({ tick: { task: 't', schedule: 5 } }, async stage => {
      const beats = [stage.beat(), stage.beat(), stage.beat()]
      await stage.sleep(60_500)
      assert.equal(beats.filter(({ beat }) => beat.status.term !== undefined).length, 1)
      assert.equal(stage.runs.length, 12)
    })
  })

  test('D92 a spare takes over within 30 s of a death, within a second of a clean stop, and no due time is lost', async () => {
    await onStage({ tick: { task: 't', schedule: 1 } }, async stage => {
      const first = stage.beat('first')
      await stage.sleep(3000)
      const second = stage.beat('second')
      await stage.sleep(3000)
      const stopped = stage.world.now
      await first.beat[Symbol.asyncDispose]()
      await stage.world.until('the second leads', () => second.beat.status.term !== undefined, 5000)
      assert.ok(stage.world.now - stopped <= 1100, `${stage.world.now - stopped}`)
      const third = stage.beat('third')
      await stage.sleep(3000)
      const died = stage.world.now
      second.process.kill()
      await stage.world.until('the third leads', () => third.beat.status.term !== undefined, 40_000)
      assert.ok(stage.world.now - died <= 31_000, `${stage.world.now - died}`)
      await stage.sleep(5000)
      const { state } = await stage.book.show('tick')
      const firstSeen = (state?.last ?? 0) - (state?.runs ?? 0) * 1000
      assert.deepEqual(new Set(stage.ids), new Set(expected('tick', firstSeen, 1000, state?.runs ?? 0)))
    })
  })
})
