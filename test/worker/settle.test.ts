import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Outcome, OutcomeKind, RetryWish } from '../../src/pools/pool.js'
import type { TaskId } from '../../src/protocol/ids.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { withOptions } from '../../src/protocol/signature-options.js'
import type { Effect } from '../../src/worker/effect.js'
import { settle, settleDiscard, settleStored } from '../../src/worker/settle.js'
import type { DeliveryFacts } from '../../src/worker/settle-context.js'
import { contextOf, group, signatureOf } from '../support/requests.js'

const outcome = (kind: OutcomeKind): Outcome => ({ ...kind, children: [], runtime: 5 })
const boom = { type: 'ValueError', args: ['boom'], module: 'builtins' }
const wish: RetryWish = {
  countdown: undefined,
  eta: undefined,
  maxRetries: undefined,
  error: boom,
  traceback: undefined,
  auto: false,
  args: undefined,
  kwargs: undefined,
}

/** `store:SUCCESS publish:demo.next emit:task-succeeded ack`: effects in one line. */
function line(effects: readonly Effect[]): string {
  return effects.map(word).join(' ')
}

function word(effect: Effect): string {
  switch (effect.kind) {
    case 'store':
      return `store:${effect.meta.status}${effect.own ? '' : `(${effect.meta.taskId})`}`
    case 'publish':
      return effect.task.kind === 'retry'
        ? `publish:retry ${effect.task.retries}`
        : `publish:${effect.task.signature.task}`
    case 'emit':
      return `emit:${effect.event.type}`
    case 'requeue':
      return effect.counted ? 'requeue:counted' : 'requeue'
    case 'dead-letter':
      return `dead:${effect.record.reason}`
    default:
      return effect.kind
  }
}

const LATE = { acksLate: true }

/** Reliability §1.3, row by row: outcome, early acks, late acks. */
const TABLE: readonly [name: string, kind: OutcomeKind, early: string, late: string][] = [
  [
    'success',
    { kind: 'succeeded', value: 3 },
    'store:SUCCESS emit:task-succeeded',
    'check-token store:SUCCESS emit:task-succeeded ack',
  ],
  [
    'exception',
    { kind: 'failed', error: boom, traceback: 'tb' },
    'store:FAILURE emit:task-failed',
    'check-token store:FAILURE emit:task-failed ack',
  ],
  [
    'retry',
    { kind: 'retry', wish },
    'store:RETRY publish:retry 1 emit:task-retried',
    'check-token store:RETRY publish:retry 1 emit:task-retried ack',
  ],
  ['ignore', { kind: 'ignored' }, 'emit:task-ignored', 'check-token emit:task-ignored ack'],
  [
    'reject for good',
    { kind: 'rejected', requeue: false, reason: 'no' },
    'store:FAILURE emit:task-failed emit:task-rejected',
    'check-token store:FAILURE emit:task-failed emit:task-rejected dead:rejected emit:task-dead-lettered ack',
  ],
  [
    'reject and requeue',
    { kind: 'rejected', requeue: true, reason: 'later' },
    'emit:task-returned',
    'check-token emit:task-rejected requeue:counted',
  ],
  [
    'soft time limit',
    { kind: 'timed-out', limit: 1000, hard: false, traceback: 'tb' },
    'store:FAILURE emit:task-failed',
    'check-token store:FAILURE emit:task-failed ack',
  ],
  [
    'hard time limit',
    { kind: 'timed-out', limit: 1000, hard: true, traceback: undefined },
    'store:FAILURE emit:task-failed',
    'check-token store:FAILURE emit:task-failed ack',
  ],
  [
    'lost child',
    { kind: 'lost', exit: 'signal 9' },
    'store:FAILURE emit:task-failed',
    'check-token store:FAILURE emit:task-failed ack',
  ],
  [
    'cold shutdown',
    { kind: 'cancelled', why: 'shutdown', signal: undefined },
    'store:FAILURE emit:task-failed',
    'check-token emit:task-returned requeue',
  ],
  [
    'terminated',
    { kind: 'cancelled', why: 'terminated', signal: 'SIGTERM' },
    'store:REVOKED emit:task-revoked',
    'check-token store:REVOKED emit:task-revoked ack',
  ],
  [
    'lost lease',
    { kind: 'cancelled', why: 'lease-lost', signal: undefined },
    'emit:task-returned',
    'check-token emit:task-returned',
  ],
]

describe('settle: the order of effects is the guarantee (D41, D42, D51)', () => {
  for (const [name, kind, early, late] of TABLE) {
    test(`${name}, early acks`, () => assert.equal(line(settle(outcome(kind), contextOf())), early))
    test(`${name}, late acks`, () => assert.equal(line(settle(outcome(kind), contextOf({}, LATE))), late))
  }

  test('acksOnFailure off: a failure is stored, dead-lettered, then acked', () => {
    const effects = settle(
      outcome({ kind: 'failed', error: boom, traceback: undefined }),
      contextOf({}, { ...LATE, acksOnFailure: false }),
    )
    assert.equal(
      line(effects),
      'check-token store:FAILURE emit:task-failed dead:rejected emit:task-dead-lettered emit:task-rejected ack',
    )
  })

  test('acksOnTimeout off: a hard limit puts the message back, counted', () => {
    const hard: OutcomeKind = { kind: 'timed-out', limit: 1, hard: true, traceback: undefined }
    const effects = settle(outcome(hard), contextOf({}, { ...LATE, acksOnTimeout: false }))
    assert.equal(line(effects), 'check-token emit:task-rejected requeue:counted')
  })

  test('rejectOnWorkerLost: a lost child puts the message back, counted, and stores nothing', () => {
    const effects = settle(
      outcome({ kind: 'lost', exit: 'signal 9' }),
      contextOf({}, { ...LATE, rejectOnWorkerLost: true }),
    )
    assert.equal(line(effects), 'check-token emit:task-rejected requeue:counted')
  })

  test('an ignored result is not stored, an ignored error only when wanted', () => {
    const failed = outcome({ kind: 'failed', error: boom, traceback: undefined })
    assert.equal(
      line(settle(outcome({ kind: 'succeeded', value: 1 }), contextOf({ ignoreResult: true }))),
      'emit:task-succeeded',
    )
    assert.equal(line(settle(failed, contextOf({ ignoreResult: true }))), 'emit:task-failed')
    const wanted = contextOf({ ignoreResult: true }, { storeErrorsEvenIfIgnored: true })
    assert.equal(line(settle(failed, wanted)), 'store:FAILURE emit:task-failed')
  })

  test('the message wins over the task option on ignoring results', () => {
    const effects = settle(
      outcome({ kind: 'succeeded', value: 1 }),
      contextOf({ ignoreResult: false }, { ignoreResult: true }),
    )
    assert.equal(line(effects), 'store:SUCCESS emit:task-succeeded')
  })
})

describe('what follows a success', () => {
  const request = {
    callbacks: [signatureOf('demo.log'), signatureOf('demo.mail', { task_id: 'given' })],
    chain: [signatureOf('demo.last', { task_id: 'c-2' }), signatureOf('demo.second', { task_id: 'c-1' })],
    group: group('g-1'),
    groupIndex: 1,
    chord: signatureOf('demo.body', { task_id: 'b-1' }),
  }
  const effects = settle(outcome({ kind: 'succeeded', value: 7 }), contextOf(request, LATE))

  test('D42 the state is stored before the chord hears of it and before anything is published', () => {
    assert.equal(
      line(effects),
      'check-token store:SUCCESS arrive publish:demo.log publish:demo.mail publish:demo.second emit:task-succeeded ack',
    )
  })

  test('D43 what a signature has no id for gets one derived from parent, kind and index, whichever attempt tells the end', () => {
    const again = settle(outcome({ kind: 'succeeded', value: 8 }), contextOf(request, LATE))
    assert.deepEqual(publishedIds(again), publishedIds(effects))
    const [derived, given, step] = publishedIds(effects)
    assert.match(String(derived), /^[0-9a-f]{8}-[0-9a-f]{4}-5/)
    assert.deepEqual([given, step], ['given', 'c-1'])
    const later = settle(outcome({ kind: 'succeeded', value: 7 }), contextOf({ ...request, retries: 1 }, LATE))
    assert.equal(publishedIds(later)[0], derived)
  })

  test('the next step of a chain gets the result first and carries the rest', () => {
    const step = effects.find(
      effect =>
        effect.kind === 'publish' && effect.task.kind === 'signature' && effect.task.signature.task === 'demo.second',
    )
    assert.ok(step?.kind === 'publish' && step.task.kind === 'signature')
    assert.deepEqual(step.task.signature.args, [7])
    assert.deepEqual(step.task.signature.options['chain'], [request.chain[0]])
    assert.equal(step.task.parentId, 't-1')
  })

  test('an immutable callback keeps its own arguments', () => {
    const callback = { ...signatureOf('demo.ping', {}, ['mine']), immutable: true }
    const [publish] = settle(outcome({ kind: 'succeeded', value: 7 }), contextOf({ callbacks: [callback] })).filter(
      isPublish,
    )
    assert.ok(publish?.task.kind === 'signature')
    assert.deepEqual(publish.task.signature.args, ['mine'])
  })

  test('the stored children name everything that follows', () => {
    const store = effects.find(effect => effect.kind === 'store')
    assert.ok(store?.kind === 'store')
    assert.deepEqual(
      store.meta.children?.map(child => child.id),
      publishedIds(effects),
    )
  })
})

describe('what follows a failure', () => {
  test('every later step of the chain is told, the errback is published with the failed id', () => {
    const request = {
      chain: [signatureOf('demo.last', { task_id: 'c-2' }), signatureOf('demo.second', { task_id: 'c-1' })],
      errbacks: [signatureOf('demo.oops')],
    }
    const effects = settle(outcome({ kind: 'failed', error: boom, traceback: 'tb' }), contextOf(request, LATE))
    assert.equal(
      line(effects),
      'check-token store:FAILURE store:FAILURE(c-2) store:FAILURE(c-1) publish:demo.oops emit:task-failed ack',
    )
    const [errback] = effects.filter(isPublish)
    assert.ok(errback?.task.kind === 'signature')
    assert.deepEqual(errback.task.signature.args, ['t-1'])
  })

  test('an inline errback is called here instead', () => {
    const context = contextOf({ errbacks: [signatureOf('demo.oops')] }, {}, { inlineErrback: () => true })
    assert.equal(
      line(settle(outcome({ kind: 'failed', error: boom, traceback: undefined }), context)),
      'store:FAILURE errback emit:task-failed',
    )
  })

  test('D73 a failed, revoked, expired or poisoned part still arrives at its chord', () => {
    const part = { group: group('g-1'), groupIndex: 0, chord: signatureOf('demo.body', { task_id: 'b' }) }
    const context = contextOf(part)
    const lines = [
      line(settle(outcome({ kind: 'failed', error: boom, traceback: undefined }), context)),
      line(settle(outcome({ kind: 'cancelled', why: 'terminated', signal: 'TERM' }), context)),
      line(settleDiscard({ kind: 'expired' }, context)),
      line(settleDiscard({ kind: 'poison', faults: 3 }, context)),
    ]
    for (const text of lines) assert.match(text, /store:\w+ arrive/)
  })
})

describe('retries', () => {
  test('D51 the intent is stored before the copy is published, and names its retries and eta', () => {
    const [store] = settle(outcome({ kind: 'retry', wish }), contextOf({}, { defaultRetryDelay: 2000 }))
    assert.ok(store?.kind === 'store')
    assert.deepEqual(store.meta.intent, { retries: 1, eta: 1_002_000 })
  })

  test('D51 the redelivered original publishes the same copy under the same publish id, and is acked without running', () => {
    const context = contextOf({}, LATE)
    const effects = settle(outcome({ kind: 'retry', wish }), context)
    const store = effects.find(effect => effect.kind === 'store')
    assert.ok(store?.kind === 'store')
    const replay = settleStored(store.meta, contextOf({}, LATE, { now: 9_999_999 }))
    assert.deepEqual(replay.filter(isPublish), effects.filter(isPublish))
    assert.equal(replay.at(-1)?.kind, 'ack')
  })

  test('D52 no attempt left: the error itself, or MaxRetriesExceededError when there is none', () => {
    const withError = settle(outcome({ kind: 'retry', wish }), contextOf({ retries: 3 }))
    assert.ok(withError[0]?.kind === 'store' && withError[0].meta.error === boom)
    const without = settle(outcome({ kind: 'retry', wish: { ...wish, error: undefined } }), contextOf({ retries: 3 }))
    assert.ok(without[0]?.kind === 'store')
    assert.equal(without[0].meta.error?.type, 'MaxRetriesExceededError')
  })
})

describe('discards: nothing was acked before, so the ack comes last whatever the mode', () => {
  for (const late of [false, true]) {
    test(`with ${late ? 'late' : 'early'} acks`, () => {
      const context = contextOf({}, { acksLate: late })
      assert.equal(line(settleDiscard({ kind: 'expired' }, context)), 'check-token store:REVOKED emit:task-revoked ack')
      assert.equal(line(settleDiscard({ kind: 'revoked' }, context)), 'check-token store:REVOKED emit:task-revoked ack')
      assert.equal(
        line(settleDiscard({ kind: 'unknown-task' }, context)),
        'check-token store:FAILURE emit:task-failed dead:unknown-task emit:task-dead-lettered ack',
      )
      assert.equal(
        line(settleDiscard({ kind: 'poison', faults: 3 }, context)),
        'check-token store:FAILURE emit:task-failed dead:poison emit:task-dead-lettered ack',
      )
    })
  }
})

describe('D44 replay of a stored final state', () => {
  const base: Omit<ResultMeta, 'status' | 'result' | 'error'> = {
    taskId: 't-1' as TaskId,
    traceback: undefined,
    children: [],
    dateDone: 'then',
  }

  test('callbacks are published for the stored value, with the ids of the first time', () => {
    const request = { callbacks: [signatureOf('demo.log')] }
    const first = settle(outcome({ kind: 'succeeded', value: 7 }), contextOf(request, LATE))
    const replay = settleStored({ ...base, status: 'SUCCESS', result: 7, error: undefined }, contextOf(request, LATE))
    assert.deepEqual(replay.filter(isPublish), first.filter(isPublish))
    assert.equal(line(replay), 'publish:demo.log ack')
  })

  test('a stored poison or rejection gets to the dead-letter place once more, under the same publish id', () => {
    const context = contextOf({}, LATE, { delivery: deliveredAfter(3) })
    const first = settleDiscard({ kind: 'poison', faults: 3 }, context)
    const store = first.find(effect => effect.kind === 'store')
    assert.ok(store?.kind === 'store')
    const replay = settleStored(store.meta, context)
    const deadId = (effects: readonly Effect[]): readonly string[] =>
      effects.flatMap(e => (e.kind === 'dead-letter' ? [e.publishId] : []))
    assert.deepEqual(deadId(replay), deadId(first))
    assert.equal(deadId(replay).length, 1)
    assert.equal(replay.at(-1)?.kind, 'ack')
  })

  test('D60 a step that failed because the one before it was poison is no dead letter when its own message comes again', () => {
    const request = { chain: [withOptions(signatureOf('demo.next'), { task_id: 't-2' })] }
    const told = settleDiscard({ kind: 'poison', faults: 3 }, contextOf(request, LATE))
    const store = told.find(effect => effect.kind === 'store' && effect.meta.taskId === 't-2')
    assert.ok(store?.kind === 'store')
    const next = contextOf({ id: 't-2' as TaskId }, LATE, { delivery: deliveredAfter(1) })
    assert.equal(line(settleStored(store.meta, next)), 'ack')
  })
})

function deliveredAfter(faults: number): DeliveryFacts {
  return { ...contextOf().delivery, faults }
}

function isPublish(effect: Effect): effect is Effect & { readonly kind: 'publish' } {
  return effect.kind === 'publish'
}

function publishedIds(effects: readonly Effect[]): readonly unknown[] {
  return effects
    .filter(isPublish)
    .map(effect => (effect.task.kind === 'signature' ? effect.task.signature.options['task_id'] : 'retry'))
}
