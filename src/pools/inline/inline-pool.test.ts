import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeRuntime } from '../../lib/node-runtime.js'
import type { CallControl } from '../call-control.js'
import type { Call } from '../pool.js'
import { InlinePool } from './inline-pool.js'

/** The pool looks at nothing of a call. */
const CALL = {} as Call

function pool(size: number): { readonly pool: InlinePool; readonly running: CallControl[] } {
  const running: CallControl[] = []
  const execute = async (_: Call, control: CallControl): Promise<void> => void running.push(control)
  return { pool: new InlinePool({ runtime: nodeRuntime(), size, execute }), running }
}

test('it grows and shrinks; busy slots stay, and that is said in Celery’s words', async () => {
  const { pool: inline, running } = pool(2)
  await inline.resize(5)
  assert.equal(inline.size, 5)
  for (let i = 0; i < 3; i++) inline.run(CALL)
  await assert.rejects(inline.resize(1), { code: 'LVG_POOL_BUSY', message: "Can't shrink pool. All processes busy!" })
  assert.equal(inline.size, 3)
  running[0]?.end({ kind: 'ignored', children: [], runtime: 0 })
  await inline.resize(2)
  assert.deepEqual([inline.size, inline.stats().initialSize, inline.stats().handedTotal], [2, 2, 3])
})

for (const [interrupt, kind] of [
  [undefined, 'lost'],
  [{ kind: 'hard-time-limit', limit: 10 }, 'timed-out'],
  [{ kind: 'terminated', signal: 'SIGTERM' }, 'cancelled'],
  [{ kind: 'soft-time-limit', limit: 10 }, 'lost'],
] as const) {
  test(`a kill after ${interrupt?.kind ?? 'nothing'} is reported as ${kind}, and the slot is free`, async () => {
    const { pool: inline } = pool(1)
    const execution = inline.run(CALL)
    if (interrupt !== undefined) execution.interrupt(interrupt)
    execution.kill('SIGKILL')
    assert.equal((await execution.outcome).kind, kind)
    assert.equal(inline.stats().running, 0)
  })
}
