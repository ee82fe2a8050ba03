import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chordMemo } from '../../src/app/chord-memo.js'
import type { ResultBackend } from '../../src/backends/backend.js'
import { jsonStoreCodec } from '../../src/backends/json-store-codec.js'
import type { QuietChord } from '../../src/backends/quiet-chord.js'
import { deferred } from '../../src/lib/deferred.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { ChordSweep } from '../../src/worker/chord-sweep.js'
import type { Effect } from '../../src/worker/effect.js'
import { handRuntime } from '../app/hand-runtime.js'
import { contextOf, group, signatureOf } from '../support/requests.js'

/* A chord whose last part came to a Python worker, which has told of its failure what Celery tells. */

function failed(name: string): ResultMeta {
  const taskId = name as TaskId
  const error = { type: 'ValueError', args: ['no'], module: 'builtins' }
  return {
    taskId,
    status: 'FAILURE',
    result: undefined,
    error,
    traceback: undefined,
    children: [],
    dateDone: undefined,
  }
}

/** What is performed for it, shortly. */
async function swept(options: Readonly<Record<string, unknown>>, records: readonly ResultMeta[]) {
  const runtime = handRuntime()
  const errback = signatureOf('errback', { task_id: 'errback' })
  const body = signatureOf('body', { task_id: 'body', link_error: [errback], ...options })
  const memo = chordMemo({ body, ends: [], rootId: undefined, priority: undefined }, DEFAULT_LIMITS) ?? ''
  const count = { kind: 'complete', parts: [failed('part')], foreign: true } as const
  const backend = {
    claimQuietChords: async (): Promise<readonly QuietChord[]> => [{ chord: group('inner'), memo, quiet: 0, count }],
    fetch: async (id: TaskId) => records.find(({ taskId }) => taskId === id),
  }
  const told = deferred<readonly Effect[]>()
  const sweep = new ChordSweep({
    runtime,
    // Nothing else is asked of it.
    backend: backend as unknown as ResultBackend,
    codec: jsonStoreCodec(DEFAULT_LIMITS),
    timeout: 3_600_000,
    interval: 1000,
    chordLife: undefined,
    perform: async (_part, _memo, effects) => {
      told.resolve(effects(contextOf()))
      return true
    },
  })
  await using _joined = await sweep.join()
  await runtime.clock.pass(1500)
  return (await told.promise).map(effect => {
    switch (effect.kind) {
      case 'publish':
        return `publish ${effect.task.kind === 'signature' ? effect.task.signature.task : effect.task.kind}`
      case 'store':
        return `store ${effect.meta.taskId} ${effect.meta.status}`
      case 'arrive':
        return `arrive ${effect.part.taskId} ${effect.part.meta.status} at ${effect.part.chord} ${effect.part.index}`
      case 'close-chord':
        return `close ${effect.chord}`
      default:
        return effect.kind
    }
  })
}

const WITHIN = { chord: signatureOf('outer', { task_id: 'outer' }), group_id: 'outer-chord', group_index: 1 }

test('D72 what a Python worker has told is not told again', async () => {
  assert.deepEqual(await swept({}, [failed('body')]), ['close inner'])
})

test('D72 what it has not told is told, with the errbacks', async () => {
  assert.deepEqual(await swept({}, []), ['store body FAILURE', 'publish errback', 'close inner'])
})

test('D73 the chord that waits for the body hears of it, which a Python worker does not tell', async () => {
  assert.deepEqual(await swept(WITHIN, [failed('body')]), ['arrive body FAILURE at outer-chord 1', 'close inner'])
})
