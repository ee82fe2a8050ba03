import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AsyncResult } from '../../src/app/async-result.js'
import type { TaskOptions } from '../../src/app/task-options.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { signature, type TypedSignature } from '../../src/canvas/typed-signature.js'
import type { WorkerOptions } from '../../src/worker/worker-options.js'
import { onStage, type Stage, sleeper } from '../support/worker/stage.js'

const LATE: TaskOptions = { acksLate: true }
/** Two slots, and no more messages than that. */
const TWO: WorkerOptions = { concurrency: 2, prefetchMultiplier: 1 }

/** Of task `t`, under an id of the test's. */
function t(id: string, options: object = {}): TypedSignature<readonly unknown[], unknown> {
  const plain = signature<readonly unknown[], unknown>('t', [], true)
  return { ...plain, options: { task_id: id, ...options } }
}

function states(stage: Stage, ...ids: readonly string[]): Promise<readonly (string | undefined)[]> {
  return Promise.all(ids.map(id => stage.status(id)))
}

test('all that a canvas sends has one root, the task that is sent first', async () => {
  await onStage({ tasks: { t: () => 1 } }, async stage => {
    const roots = new Map<unknown, unknown>()
    stage.app.use({
      name: 'roots',
      publish: (message, next) => {
        roots.set(message.headers['id'], message.headers['root_id'])
        return next(message)
      },
    })
    const result = await stage.app.apply(chord([t('a'), chain(t('b'), t('c')), group(t('d'), t('e'))], t('body')))
    assert.equal(result.rootId, 'a')
    assert.deepEqual(
      [...roots],
      [
        ['a', 'a'],
        ['b', 'a'],
        ['d', 'a'],
        ['e', 'a'],
      ],
    )
    const both = await stage.app.apply(group(t('f'), t('g')))
    assert.deepEqual([both.rootId, both.results[1]?.rootId], ['f', 'f'])
    const given = await stage.app.apply(chain(t('h', { root_id: 'mine' }), t('i')))
    assert.deepEqual([given.rootId, roots.get('h')], ['mine', 'mine'])
    const alone = await stage.app.sendTask('t', [], { taskId: 'j' })
    assert.equal(alone.rootId, 'j')
    await stage.worker()
    await stage.quiet()
  })
})

test('H57 a workflow that was revoked while all workers are down does not run, and nobody waits for it', async () => {
  await onStage({ tasks: { t: () => 1 } }, async stage => {
    const result = await stage.app.apply(chord([t('a'), chain(t('b'), t('c')), t('d')], chain(t('e'), t('f'))))
    await stage.app.sendTask('t', [], { taskId: 'other' })
    await stage.app.control.revokeByRoot(result.rootId as string)
    assert.deepEqual(await states(stage, 'a', 'b'), ['REVOKED', undefined])
    await stage.worker()
    await stage.quiet()
    assert.deepEqual(await states(stage, 'a', 'b', 'c', 'd'), ['REVOKED', 'REVOKED', 'REVOKED', 'REVOKED'])
    // The chord hears of every part, and what waits for its body ends.
    assert.deepEqual(await states(stage, 'f', 'other'), ['FAILURE', 'SUCCESS'])
    assert.deepEqual(
      stage.journal.map(({ id }) => id),
      ['other'],
    )
  })
})

test('what runs goes on, and what would follow it is refused', async () => {
  await onStage({ tasks: { t: [sleeper(1000), LATE] } }, async stage => {
    await stage.worker()
    const result = await stage.app.apply(chain(t('a'), t('b'), t('c')))
    await stage.started('a')
    await stage.app.control.revokeByRoot('a', { members: ['b', 'c'] })
    assert.deepEqual(await states(stage, 'b', 'c'), ['REVOKED', 'REVOKED'])
    await stage.quiet()
    assert.deepEqual(await states(stage, 'a', 'b', 'c'), ['SUCCESS', 'REVOKED', 'REVOKED'])
    await assert.rejects((result as AsyncResult<unknown>).get(), { name: 'TaskRevokedError' })
    assert.deepEqual([stage.runs('b'), stage.runs('c')], [0, 0])
  })
})

test('H60 with terminate what runs is ended, in every worker, and nothing else is', async () => {
  await onStage({ tasks: { t: [sleeper(600_000), LATE] } }, async stage => {
    await Promise.all([stage.worker('v', TWO), stage.worker('w', TWO)])
    await stage.app.apply(group(t('a'), t('b'), t('c')))
    await stage.app.sendTask('t', [], { taskId: 'other' })
    for (const id of ['a', 'b', 'c', 'other']) await stage.started(id)
    await stage.app.control.revokeByRoot('a', { terminate: true })
    await stage.world.sleep(10_000)
    assert.deepEqual(await states(stage, 'a', 'b', 'c', 'other'), ['REVOKED', 'REVOKED', 'REVOKED', undefined])
    await stage.app.control.terminate('other')
    await stage.quiet(10_000)
  })
})

test('H53 a step that is revoked or expired takes the later steps of its chain along, and the chord around it ends', async () => {
  await onStage({ tasks: { t: () => 1 } }, async stage => {
    await stage.app.apply(chord([t('a'), chain(t('b'), t('c'))], t('body')))
    await stage.app.apply(chain(t('d', { expires: 0.5 }), t('e')))
    await stage.app.control.revoke('b')
    await stage.world.sleep(1000)
    await stage.worker()
    await stage.quiet()
    assert.deepEqual(await states(stage, 'a', 'b', 'c', 'body'), ['SUCCESS', 'REVOKED', 'REVOKED', 'FAILURE'])
    assert.deepEqual(await states(stage, 'd', 'e'), ['REVOKED', 'REVOKED'])
  })
})
