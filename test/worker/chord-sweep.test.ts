import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { signature, type TypedSignature } from '../../src/canvas/typed-signature.js'
import type { GroupId, TaskId } from '../../src/protocol/ids.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import type { Effect } from '../../src/worker/effect.js'
import { onStage, type Stage, type StageOptions, sleeper } from '../support/worker/stage.js'

/* D72: who notices that the end of a chord was lost, and what happens then. All acks are early, so that what a dead worker had begun does not come again. */

/** A queue that nobody consumes: what is sent there is as good as lost. */
const NOWHERE = 'nowhere'

const TASKS: StageOptions['tasks'] = {
  part: (_stage, _process, n: number) => n,
  sum: (_stage, _process, values: readonly number[]) => values.join(),
  told: (_stage, _process, id: string) => `told of ${id}`,
}

function part(n: number, options: object = {}): TypedSignature<readonly [], number> {
  const plain = signature<readonly [], number>('part', [n], false)
  return { ...plain, options: { task_id: `p${n}`, ...options } }
}

function body(options: object = {}): TypedSignature<readonly [readonly number[]], string> {
  const plain = signature<readonly [readonly number[]], string>('sum', [], false)
  const errback = { ...signature('told', [], false), options: { task_id: 'errback' } }
  return { ...plain, options: { task_id: 'body', link_error: [errback], ...options } }
}

/** Sends a chord whose parts get nowhere; the id under which it is counted. */
async function lostChord(stage: Stage, count: number): Promise<GroupId> {
  const parts = Array.from({ length: count }, (_, n) => part(n, { queue: NOWHERE }))
  const result = await stage.app.apply(chord(parts, body()))
  // A header is a group.
  return result.parent?.id as GroupId
}

function ended(n: number, status = 'SUCCESS'): ResultMeta {
  const error = status === 'SUCCESS' ? undefined : { type: 'ValueError', args: ['no'], module: 'builtins' }
  const result = status === 'SUCCESS' ? n : undefined
  // It is an id.
  const taskId = `p${n}` as TaskId
  return { taskId, status, result, error, traceback: undefined, children: [], dateDone: undefined }
}

/** What a worker does before it dies: it stores the end of a part, and counts it. */
async function tell(
  stage: Stage,
  group: GroupId,
  meta: ResultMeta,
  how: 'stored' | 'counted' = 'counted',
): Promise<void> {
  const backend = stage.cluster.results()
  await backend.store(meta, { ttl: undefined, fence: undefined })
  const index = Number(meta.taskId.slice(1))
  if (how === 'counted')
    await backend.arrive({ chord: group, index, taskId: meta.taskId, meta, size: undefined }, undefined)
}

describe('D72 a chord whose parts have all ended gets its end within a minute, once', () => {
  const lost: Readonly<Record<string, readonly ('stored' | 'counted')[]>> = {
    'all parts are counted': ['counted', 'counted', 'counted'],
    'the last part is stored, and not counted': ['counted', 'counted', 'stored'],
    'no part is counted': ['stored', 'stored', 'stored'],
  }
  for (const [what, parts] of Object.entries(lost)) {
    for (const workers of [1, 3]) {
      test(`${what}; ${workers === 1 ? 'one worker' : 'three workers look for it at the same time'}`, async () => {
        await onStage({ tasks: TASKS }, async stage => {
          const group = await lostChord(stage, 3)
          for (const [n, how] of parts.entries()) await tell(stage, group, ended(n), how)
          for (let n = 0; n < workers; n++) stage.startWorker(`w${n}`)
          await stage.started('body', 60_000)
          await stage.world.sleep(300_000)
          assert.deepEqual([stage.runs('body'), (await stage.meta('body'))?.result], [1, '0,1,2'])
          assert.equal(stage.runs('errback'), 0)
        })
      })
    }
  }

  test('a part has failed: the body has its error, and the errback is told', async () => {
    await onStage({ tasks: TASKS }, async stage => {
      const group = await lostChord(stage, 2)
      await tell(stage, group, ended(0))
      await tell(stage, group, ended(1, 'FAILURE'), 'stored')
      await Promise.all([stage.worker('v'), stage.worker('w')])
      await stage.started('errback', 60_000)
      await stage.world.sleep(300_000)
      assert.deepEqual([stage.runs('body'), stage.runs('errback')], [0, 1])
      assert.deepEqual((await stage.meta('body'))?.error?.args, ["Dependency p1 raised ValueError('no')"])
      assert.equal((await stage.meta('errback'))?.result, 'told of body')
    })
  })

  test('the values come in the tree of the header', async () => {
    await onStage({ tasks: TASKS }, async stage => {
      const still = (n: number) => ({ ...part(n, { queue: NOWHERE }), immutable: true })
      const nested = chord([still(0), chain(still(9), group(still(1), still(2)) as never)] as never, body() as never)
      const result = await stage.app.applyCanvas(nested)
      const backend = stage.cluster.results()
      for (const n of [1, 2]) await backend.store(ended(n), { ttl: undefined, fence: undefined })
      await tell(stage, result.parent?.id as GroupId, ended(0))
      await stage.worker()
      await stage.started('body', 60_000)
      await stage.world.sleep(5000)
      assert.equal((await stage.meta('body'))?.result, '0,1,2')
    })
  })
})

for (const kind of ['store', 'arrive'] as const) {
  test(`D72 a worker dies before and after it has counted the last part, early acks: after '${kind}'`, async () => {
    await onStage({ tasks: TASKS }, async stage => {
      const die = (effect: Effect, { request }: { readonly request: { readonly id: string } }): undefined => {
        if (request.id === 'p1' && effect.kind === kind) doomed.process.kill()
        return undefined
      }
      const doomed = stage.cluster.worker('doomed', { concurrency: 1, prefetchMultiplier: 1 }, { afterEffect: die })
      await stage.app.apply(chord([part(0), part(1)], body()))
      await stage.world.until('its death', () => !doomed.process.alive, 60_000)
      await stage.worker('other')
      await stage.started('body', 120_000)
      await stage.world.sleep(300_000)
      assert.deepEqual([stage.runs('p0'), stage.runs('p1'), stage.runs('body')], [1, 1, 1])
    })
  })
}

test('D72 a body that was sent is not sent again, although nobody has closed its chord', async () => {
  await onStage({ tasks: TASKS }, async stage => {
    const die = (effect: Effect): undefined => {
      if (effect.kind === 'publish') doomed.process.kill()
      return undefined
    }
    const doomed = stage.cluster.worker('doomed', { concurrency: 1 }, { afterEffect: die })
    await stage.app.apply(chord([part(0), part(1)], body()))
    await stage.world.until('its death', () => !doomed.process.alive, 60_000)
    await stage.worker('other')
    await stage.world.sleep(300_000)
    assert.equal(stage.runs('body'), 1)
    const quiet = await stage.cluster.results().claimQuietChords?.({ quiet: 0, hold: 1, most: 1, limit: 10 })
    assert.deepEqual(quiet, [])
  })
})

describe('D72 a chord takes the place of a task, its body the id: records of that task are no proof that the body was sent', () => {
  const swap = (tries: number, shown: string | undefined): NonNullable<StageOptions['tasks']> => ({
    ...TASKS,
    swap: () => {
      const task = currentTask()
      if (task.retries < tries) throw task.retry({ countdown: 1 })
      return task.replace(chord([part(0), part(1)], signature('sum', [], false) as never) as never)
    },
    sum: async (_stage, process, values: readonly number[]) => {
      if (shown === 'COUNTING') await currentTask().updateState(shown)
      if (shown !== undefined) await process.runtime.clock.sleep(120_000)
      if (currentTask().retries < tries) throw currentTask().retry({ countdown: 120 })
      return values.join()
    },
  })

  const left: readonly (readonly [string, 'store' | 'publish', boolean, number, readonly string[], string?])[] = [
    ['it had begun', 'store', true, 0, ['publish whole', 'close-chord']],
    ['it was tried again', 'store', false, 1, ['publish whole', 'close-chord']],
    ['the body was sent, and is to be tried again', 'publish', true, 1, ['close-chord']],
    ['the body was sent, and has begun', 'publish', true, 0, ['close-chord'], 'STARTED'],
    ['the body was sent, and has a state of its own', 'publish', false, 0, ['close-chord'], 'COUNTING'],
  ]
  for (const [what, last, taskTrackStarted, tries, effects, shown] of left) {
    test(what, async () => {
      await onStage({ tasks: swap(tries, shown), settings: { taskTrackStarted } }, async stage => {
        const die = (effect: Effect, { request }: { readonly request: { readonly id: string } }): undefined => {
          if (request.id === 'p1' && effect.kind === last && isEnd(effect)) doomed.process.kill()
          return undefined
        }
        const doomed = stage.cluster.worker('doomed', { concurrency: 1, prefetchMultiplier: 1 }, { afterEffect: die })
        await stage.app.apply({ ...signature('swap', [], false), options: { task_id: 'whole' } })
        await stage.world.until('its death', () => !doomed.process.alive, 60_000)
        const told: string[] = []
        const listen = (effect: Effect, { request }: { readonly request: { readonly id: string } }): undefined =>
          void (request.id === 'p1' && told.push(named(effect)))
        stage.cluster.worker('other', {}, { afterEffect: listen })
        await stage.world.sleep(600_000)
        assert.equal((await stage.meta('whole'))?.result, '0,1')
        assert.equal(stage.journal.filter(({ task }) => task === 'sum').length, tries + 1)
        assert.deepEqual(told, effects)
      })
    })
  }
})

/** Not the mark that it has begun. */
function isEnd(effect: Effect): boolean {
  return effect.kind !== 'store' || effect.meta.status === 'SUCCESS'
}

describe('D71 a worker dies while it sends a body of several tasks: the others send those that were not', () => {
  // Where the doomed one does not consume: an early-acked task would die with it.
  const still = (id: string, options: object = {}) => {
    const plain = signature('still', [], false)
    return { ...plain, options: { task_id: id, queue: 'elsewhere', ...options }, immutable: true }
  }
  const sent = { ...TASKS, still: () => 'done' }
  const ids = ['a', 'b', 'c', 'd']
  // a, then b and c, which are counted, then d.
  const several = (options?: object) =>
    group(still('a', options), chord([still('b', options), still('c', options)] as never, still('d') as never) as never)

  const left: readonly (readonly [string, readonly string[], object?])[] = [
    ['publish a', ['open-chord', 'publish b', 'publish c', 'close-chord']],
    ['open-chord', ['open-chord', 'publish b', 'publish c', 'close-chord']],
    ['publish b', ['open-chord', 'publish c', 'close-chord']],
    ['publish c', ['close-chord']],
    ['publish c', ['publish a', 'close-chord'], { ignore_result: true }],
  ]
  for (const [last, effects, options] of left) {
    test(`dead after ${last}${options === undefined ? '' : ', where results of parts are ignored'}`, async () => {
      await onStage({ tasks: sent }, async stage => {
        const die = (effect: Effect, { request }: { readonly request: { readonly id: string } }): undefined => {
          if (request.id === 'p1' && named(effect) === last) doomed.process.kill()
          return undefined
        }
        const doomed = stage.cluster.worker('doomed', { concurrency: 1, prefetchMultiplier: 1 }, { afterEffect: die })
        await stage.app.applyCanvas(chord([part(0), part(1)], several(options) as never) as never)
        await stage.world.until('its death', () => !doomed.process.alive, 60_000)
        const told: string[] = []
        stage.cluster.worker(
          'other',
          { queues: ['celery', 'elsewhere'] },
          {
            afterEffect: (effect, { request }) => void (request.id === 'p1' && told.push(named(effect))),
          },
        )
        await stage.world.sleep(300_000)
        assert.deepEqual(
          ids.map(id => stage.runs(id)),
          [1, 1, 1, 1],
        )
        assert.deepEqual(told, effects)
      })
    })
  }
})

function named(effect: Effect): string {
  const isTask = effect.kind === 'publish' && effect.task.kind === 'signature'
  return isTask ? `publish ${effect.task.signature.options['task_id']}` : effect.kind
}

test('H54 a chord whose parts were never sent fails when nothing was heard of it for `chordTimeout`, with the reason', async () => {
  await onStage({ tasks: TASKS, settings: { chordTimeout: '10m' } }, async stage => {
    const group = await lostChord(stage, 3)
    await tell(stage, group, ended(0))
    await Promise.all([stage.worker('v'), stage.worker('w')])
    await stage.world.sleep(500_000)
    assert.equal(await stage.status('body'), undefined)
    await stage.world.sleep(800_000)
    const failed = await stage.meta('body')
    assert.deepEqual(failed?.error, {
      type: 'ChordError',
      args: ['2 of 3 parts have not ended within 600 s'],
      module: 'celery.exceptions',
    })
    assert.deepEqual([stage.runs('body'), stage.runs('errback')], [0, 1])
  })
})

test('D72 a chord that waits for a slow part is left alone', async () => {
  const slow: StageOptions['tasks'] = { ...TASKS, part: sleeper(3 * 3_600_000, 7) }
  await onStage({ tasks: slow }, async stage => {
    await Promise.all([stage.worker('v'), stage.worker('w')])
    await stage.app.apply(chord([part(0), part(1)], body()))
    await stage.world.sleep(4 * 3_600_000)
    assert.deepEqual([stage.runs('p0'), stage.runs('p1'), stage.runs('body')], [1, 1, 1])
    assert.equal((await stage.meta('body'))?.result, '7,7')
  })
})

test('D72 the store is away when it is asked: it is asked again', async () => {
  await onStage({ tasks: TASKS }, async stage => {
    const group = await lostChord(stage, 2)
    for (const n of [0, 1]) await tell(stage, group, ended(n))
    const node = await stage.worker()
    node.backend.cut()
    await stage.world.sleep(120_000)
    assert.equal(stage.runs('body'), 0)
    node.backend.heal()
    await stage.started('body', 60_000)
    await stage.world.sleep(5000)
    assert.equal(stage.runs('body'), 1)
  })
})
