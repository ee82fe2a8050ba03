import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Effect } from '../../src/worker/effect.js'
import { type Performed, perform, type World } from '../../src/worker/perform.js'
import { newRunning, type Running } from '../../src/worker/running.js'
import { contextOf } from '../support/requests.js'

const EFFECTS: readonly Effect[] = [{ kind: 'check-token' }, { kind: 'emit', event: { type: 'task-ignored' } }]

/** Performs under a lease that is lost: whoever asks for a token hears that it is gone. */
async function robbed(verdict: Running['verdict']): Promise<{ performed: Performed; emitted: readonly string[] }> {
  const emitted: string[] = []
  const context = contextOf()
  const running = { ...newRunning(context.request, [], true), robbed: true, verdict }
  // As much of a world as these effects touch.
  const world = {
    live: () => undefined,
    emit: event => void emitted.push(event.type),
    afterEffect: () => undefined,
  } satisfies Partial<World> as unknown as World
  return { performed: await perform(EFFECTS, running, context, world), emitted }
}

describe('D25 under a lease that is lost', () => {
  test('nothing more is done for a message that was not acked', async () => {
    assert.deepEqual(await robbed(undefined), { performed: { kind: 'stale' }, emitted: ['task-returned'] })
  })

  test('what was acked early is told all the same: it is nobody else’s', async () => {
    assert.deepEqual(await robbed('ack'), { performed: { kind: 'done' }, emitted: ['task-ignored'] })
  })
})
