import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DagResult } from '../../src/app/dag-result.js'
import type { AnyResult } from '../../src/app/result.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { dag } from '../../src/canvas/dag.js'
import { signature } from '../../src/canvas/typed-signature.js'
import { onStage, type Stage, type StageOptions, sleeper } from '../support/worker/stage.js'

/* Looking after whole canvases: app.workflows. */

/** A task that gives its name and what it was given, as a part of any canvas. */
function step(name: string): never {
  return signature('step', [name], false) as never
}

/** `failing`: names of steps that fail the first time. */
function stepsThat(failing: ReadonlySet<string>, ran: string[]): NonNullable<StageOptions['tasks']> {
  return {
    step: (_stage, _process, ...args: readonly unknown[]) => {
      const name = String(args.at(-1))
      const first = !ran.includes(name)
      ran.push(name)
      if (first && failing.has(name)) throw new RangeError(name)
      return args.length === 1 ? name : [name, args[0]]
    },
  }
}

const SETTINGS = { trackWorkflows: true }

/* The compiler's checks are no matter here. */

function both(...members: readonly never[]): never {
  return group(...members) as never
}

function inTurn(...steps: readonly never[]): never {
  return chain(...(steps as readonly never[] as [never])) as never
}

function gathered(header: readonly never[], body: never): never {
  return chord(header as never, body) as never
}

/** Shapes, each with the names of its steps. */
const SHAPES: Readonly<Record<string, readonly [canvas: () => unknown, names: readonly string[]]>> = {
  'a chain': [() => inTurn(step('a'), step('b'), step('c')), ['a', 'b', 'c']],
  'a group': [() => both(step('a'), step('b')), ['a', 'b']],
  'a chord': [() => gathered([step('a'), step('b')], step('c')), ['a', 'b', 'c']],
  'a chord between steps': [
    () => inTurn(step('a'), both(step('b'), step('c')), step('d'), step('e')),
    ['a', 'b', 'c', 'd', 'e'],
  ],
  'chains in a header, a chain as body': [
    () => gathered([inTurn(step('a'), step('b')), inTurn(step('c'), step('d'))], inTurn(step('e'), step('f'))),
    ['a', 'b', 'c', 'd', 'e', 'f'],
  ],
  'a group at the end of a chain': [
    () => inTurn(step('a'), both(step('b'), inTurn(step('c'), step('d')))),
    ['a', 'b', 'c', 'd'],
  ],
  'a chord in a chord': [
    () => gathered([gathered([step('a'), step('b')], step('c')), step('d')], step('e')),
    ['a', 'b', 'c', 'd', 'e'],
  ],
  'a group in a header': [
    () => gathered([inTurn(step('a'), both(step('b'), step('c'))), step('d')], step('e')),
    ['a', 'b', 'c', 'd', 'e'],
  ],
  'a graph': [
    () =>
      dag({
        a: step('a'),
        b: step('b'),
        c: { run: step('c'), after: ['a', 'b'] },
        d: { run: step('d'), after: 'a' },
        e: { run: step('e'), after: ['c', 'd'] },
      }),
    ['a', 'b', 'c', 'd', 'e'],
  ],
}

/** State and value of each task. */
async function values(stage: Stage, id: string): Promise<readonly unknown[]> {
  const { tasks } = await stage.app.workflows.show(id)
  return await Promise.all(tasks.map(async ({ id: of, state }) => [state, (await stage.meta(of))?.result]))
}

async function send(stage: Stage, canvas: unknown): Promise<AnyResult & { readonly rootId: string }> {
  const sent = await stage.app.apply(canvas as never)
  // A graph's result is one of names; its group is what has a root.
  return (sent instanceof DagResult ? sent.group : sent) as AnyResult & { readonly rootId: string }
}

describe('a workflow in which any one step has failed goes on where it stood, and what has succeeded does not run again', () => {
  for (const [what, [canvas, names]] of Object.entries(SHAPES)) {
    test(what, async () => {
      const undisturbed: unknown[] = []
      for (const failing of [undefined, ...names]) {
        const ran: string[] = []
        const tasks = stepsThat(new Set(failing === undefined ? [] : [failing]), ran)
        await onStage({ tasks, settings: SETTINGS }, async stage => {
          await Promise.all([stage.worker('v'), stage.worker('w')])
          const { rootId } = await send(stage, canvas())
          await stage.quiet()
          if (failing === undefined) {
            undisturbed.push(...(await values(stage, rootId)))
            assert.equal((await stage.app.workflows.show(rootId)).state, 'succeeded')
            return
          }
          assert.equal((await stage.app.workflows.show(rootId)).state, 'failed', failing)
          const resumed = await stage.app.workflows.resume(rootId)
          assert.deepEqual([resumed.id, resumed.underWay, resumed.sent.length], [rootId, [], 1], failing)
          await stage.quiet()
          assert.equal((await stage.app.workflows.show(rootId)).state, 'succeeded', failing)
          assert.deepEqual(await values(stage, rootId), undisturbed, failing)
          assert.deepEqual(ran.toSorted(), [...names, failing].toSorted(), failing)
          assert.deepEqual((await stage.app.workflows.resume(rootId)).sent, [])
        })
      }
    })
  }
})

test('early acks: what a dead worker had in hand has no record, and is sent again under its id', async () => {
  const tasks: NonNullable<StageOptions['tasks']> = {
    step: async (stage, process) => {
      if (process.name === 'doomed') await process.runtime.clock.sleep(60_000)
      return stage.journal.length
    },
  }
  await onStage({ tasks, settings: SETTINGS }, async stage => {
    const doomed = stage.startWorker('doomed', { concurrency: 1, prefetchMultiplier: 1 })
    const result = await send(stage, inTurn(step('a'), step('b')))
    await stage.started(result.rootId)
    assert.deepEqual((await stage.app.workflows.resume(result.rootId)).underWay, [result.rootId])
    doomed.process.kill()
    await stage.worker('other')
    await stage.quiet()
    assert.equal((await stage.app.workflows.show(result.rootId)).state, 'running')
    assert.deepEqual((await stage.app.workflows.resume(result.rootId, { failedOnly: true })).sent, [])
    assert.deepEqual((await stage.app.workflows.resume(result.rootId)).sent, [result.rootId])
    await stage.quiet()
    assert.equal(await result.get(), 3)
  })
})

test('workflows are listed, shown as a tree, cancelled, and resumed under another root', async () => {
  const ran: string[] = []
  await onStage({ tasks: stepsThat(new Set(), ran), settings: SETTINGS }, async stage => {
    const { workflows } = stage.app
    assert.deepEqual(await workflows.list(), [])
    const one = await send(stage, gathered([step('a'), step('b')], inTurn(step('c'), step('d'))))
    await stage.world.sleep(10)
    const two = await send(stage, inTurn(step('e'), step('f')))
    assert.deepEqual(
      (await workflows.list()).map(({ id, state }) => [id, state]),
      [
        [two.rootId, 'running'],
        [one.rootId, 'running'],
      ],
    )
    const { tasks } = await workflows.show(one.rootId)
    assert.deepEqual(
      tasks.map(({ task, state, depth }) => [task, state, depth]),
      [
        ['step', 'PENDING', 0],
        ['step', 'PENDING', 0],
        ['step', 'PENDING', 1],
        ['step', 'PENDING', 2],
      ],
    )
    assert.equal(await workflows.cancel(one.rootId), 4)
    assert.equal((await workflows.show(one.rootId)).state, 'cancelled')
    await stage.worker()
    await stage.quiet()
    assert.deepEqual(ran, ['e', 'f'])
    const resumed = await workflows.resume(one.rootId)
    assert.notEqual(resumed.id, one.rootId)
    await stage.quiet()
    assert.deepEqual(ran.toSorted(), ['a', 'b', 'c', 'd', 'e', 'f'])
    assert.deepEqual(
      (await workflows.list({ all: true })).map(({ id, state, resumedAs }) => [id, state, resumedAs]).toSorted(),
      [
        [one.rootId, 'resumed', resumed.id],
        [resumed.id, 'succeeded', undefined],
        [two.rootId, 'succeeded', undefined],
      ].toSorted(),
    )
    await assert.rejects(workflows.resume(one.rootId), { code: 'LVG_WORKFLOW_RUNNING' })
  })
})

test('a chord that has failed is not begun anew while a part of the workflow still runs', async () => {
  const tasks: NonNullable<StageOptions['tasks']> = { ...stepsThat(new Set(['b']), []), slow: sleeper(600_000) }
  await onStage({ tasks, settings: SETTINGS }, async stage => {
    await stage.worker()
    const slow = signature('slow', [], true) as never
    const { rootId } = await send(stage, both(gathered([step('a'), step('b')], step('c')), slow))
    await stage.world.sleep(5000)
    await assert.rejects(stage.app.workflows.resume(rootId), { code: 'LVG_WORKFLOW_RUNNING' })
    await stage.world.sleep(700_000)
    assert.equal((await stage.app.workflows.resume(rootId)).sent.length, 1)
    await stage.quiet()
    assert.equal((await stage.app.workflows.show(rootId)).state, 'succeeded')
  })
})

test('what is not tracked is unknown, but can be cancelled by its root', async () => {
  const ran: string[] = []
  await onStage({ tasks: stepsThat(new Set(), ran) }, async stage => {
    const { workflows } = stage.app
    const { rootId } = await send(stage, inTurn(step('a'), step('b')))
    assert.deepEqual(await workflows.list({ all: true }), [])
    await assert.rejects(workflows.show(rootId), { code: 'LVG_UNKNOWN_WORKFLOW' })
    await assert.rejects(workflows.resume('x'.repeat(300)), { code: 'LVG_UNKNOWN_WORKFLOW' })
    assert.equal(await workflows.cancel(rootId), 0)
    await stage.worker()
    await stage.quiet()
    assert.deepEqual([ran, await stage.status(rootId)], [[], 'REVOKED'])
  })
})

test('a store that is away when a canvas is sent: it is sent, and not kept', async () => {
  const ran: string[] = []
  await onStage({ tasks: stepsThat(new Set(), ran), settings: SETTINGS }, async stage => {
    stage.client.backend.cut()
    const { rootId } = await send(stage, inTurn(step('a'), step('b')))
    stage.client.backend.heal()
    await stage.worker()
    await stage.quiet()
    assert.deepEqual(ran, ['a', 'b'])
    await assert.rejects(stage.app.workflows.show(rootId), { code: 'LVG_UNKNOWN_WORKFLOW' })
  })
})
