import assert from 'node:assert/strict'
import { eventually } from '../support/services/rabbitmq.js'
import { PY, TS } from './combination.js'
import { ALONE, buildSpec, type Spec } from './mixed-canvas.js'
import type { InteropCase } from './suite.js'

/*
 * A chord that fails within the header of another one. Celery ends the inner body and tells the outer chord nothing of it, so that
 * among Python alone the outer body never ends (docs/guide/canvas.md). It ends where Lovage has the last part of the inner chord, or
 * has opened the chord that does not hear of it.
 */

const at = (queue: string, task: string, ...args: readonly unknown[]): Spec => ({
  task: `interop.${task}`,
  args,
  options: { queue },
})

interface Combined {
  /** Who sends the canvas. */
  readonly by: 'Python' | 'Lovage'
  /** Where the part runs that fails, the last of the inner chord. */
  readonly fails: string
  /** Where the other part of the outer chord runs. */
  readonly beside: string
  /** That one ends last. */
  readonly last?: true
  /** The inner chord comes after a task, which runs there. */
  readonly after?: string
}

const ENDING: readonly Combined[] = [
  ...([PY, TS] as const).flatMap(beside => [
    { by: 'Python', fails: TS, beside } as const,
    { by: 'Lovage', fails: TS, beside } as const,
    { by: 'Python', fails: TS, beside, last: true } as const,
    { by: 'Lovage', fails: TS, beside, last: true } as const,
    { by: 'Lovage', fails: PY, beside } as const,
    { by: 'Python', fails: PY, beside, after: TS } as const,
    { by: 'Lovage', fails: PY, beside, after: PY } as const,
  ]),
]

const LANGUAGE: Readonly<Record<string, string>> = { [PY]: 'Python', [TS]: 'Lovage' }

function nested({ fails, beside, last, after }: Combined, traces: string): Spec {
  const inner: Spec = { chord: [{ ...at(fails, 'fail', 'no'), immutable: true }], body: at(PY, 'identity') }
  const part: Spec = after === undefined ? inner : { chain: [at(after, 'identity', 1), inner] }
  const body: Spec = { ...at(PY, 'identity'), link_error: [at(PY, 'errback_full', traces)] }
  return { chord: [part, at(beside, 'sleep_for', last ? 2 : 0, 1)], body }
}

export const FAILING_CHORDS: readonly InteropCase[] = ENDING.map((combined, n) => {
  const { by, fails, beside, last, after } = combined
  const where = after === undefined ? '' : `, after a task in ${LANGUAGE[after]}`
  return {
    name: `sent by ${by}, the inner part fails in ${LANGUAGE[fails]}${where}, the other runs in ${LANGUAGE[beside]}${last ? ', and ends last' : ''}`,
    lacks: ALONE,
    async run({ lovage, python, redis }) {
      const traces = `interop:failing-chord:${n}`
      const spec = nested(combined, traces)
      const sent = by === 'Lovage' ? await lovage.applyCanvas(buildSpec(spec)) : undefined
      const id = sent?.id ?? (await python.sendCanvas(spec))
      await assert.rejects(lovage.result(id).get({ timeout: 90 }), { excType: 'ChordError' })
      const told = (): Promise<number> => redis.client.llen(traces)
      await eventually('the errback', async () => (await told()) > 0)
      // Whoever looks for chords that are left has done with it.
      const left = async (): Promise<boolean> =>
        (await redis.client.zscore('lovage.chords', sent?.parent?.id ?? '')) !== null
      await eventually('nothing left of the chord', async () => !(await left()))
      assert.equal(await told(), 1)
    },
  }
})
