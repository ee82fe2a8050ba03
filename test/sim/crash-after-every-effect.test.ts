import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type App, currentTask, Ignore, Reject } from '../../src/index.js'
import { fromDeadLetter } from '../../src/protocol/dead-letter.js'
import { SimCluster } from '../../src/testing/sim/sim-cluster.js'
import type { SimProcess } from '../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'

/*
 * F04: for every outcome and every k, the worker is killed right after its k-th effect; another incarnation starts, the
 * cluster becomes quiet, and the world it leaves must be the one an undisturbed run leaves: the same states and values,
 * the same dead letters, every follow-up run, nothing left in any queue. Exhaustive: no seed is drawn for the crash.
 */

/** What a run leaves behind. */
interface World {
  /** Task id → state and value or error. */
  readonly states: Readonly<Record<string, string>>
  /** Reason of each dead letter, by task id. */
  readonly dead: readonly string[]
  /** Task name → how often its handler was entered. */
  readonly runs: Readonly<Record<string, number>>
}

interface Ran extends World {
  readonly effects: number
  readonly crashed: string | undefined
}

interface Scenario {
  readonly name: string
  /** Publishes; returns the ids whose states are compared. */
  send(app: App): Promise<readonly string[]>
}

const LATE = { acksLate: true } as const

function defineTasks(runs: Map<string, number>) {
  return (app: App, process: SimProcess): void => {
    const ran = (name: string): void => {
      runs.set(name, (runs.get(name) ?? 0) + 1)
    }
    const define = (name: string, handler: (...args: never[]) => unknown, options = {}): void => {
      app.task(
        name,
        (...args: readonly unknown[]) => {
          ran(name)
          return handler(...(args as never[]))
        },
        { ...LATE, defaultRetryDelay: '1s', ...options },
      )
    }
    const { clock } = process.runtime
    define('ok', (n: number) => n + 1)
    define('then', (n: number) => n * 10)
    define('sum', (values: readonly number[]) => values.reduce((a, b) => a + b, 0))
    define('fail', () => {
      throw new RangeError('boom')
    })
    define('told', (id: string) => `told of ${id}`)
    define('again', () => {
      if (currentTask().retries < 2) throw currentTask().retry({ error: new Error('not yet') })
      return currentTask().retries
    })
    define('hopeless', () => {
      throw currentTask().retry({ countdown: 0.5, maxRetries: 1, error: new RangeError('never') })
    })
    define('ignore', () => {
      throw new Ignore()
    })
    define('reject', () => {
      throw new Reject('not mine')
    })
    define(
      'strict',
      () => {
        throw new Error('strict')
      },
      { acksOnFailure: false },
    )
    define(
      'soft',
      async () => {
        await clock.sleep(60_000, currentTask().signal)
      },
      { softTimeLimit: '1s' },
    )
    define('hard', () => clock.sleep(60_000), { timeLimit: '1s' })
    define('big', () => () => 'a function cannot be stored')
  }
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'success with callbacks',
    send: async app => [
      (await app.sendTask('ok', [1], { taskId: 'a', link: [sig(app, 'then', 'b'), sig(app, 'then', 'c')] })).id,
      'b',
      'c',
    ],
  },
  {
    name: 'chain of three',
    send: async app => [
      (await app.sendTask('ok', [1], { taskId: 'a', chain: [sig(app, 'ok', 'c'), sig(app, 'then', 'b')] })).id,
      'b',
      'c',
    ],
  },
  {
    name: 'chord of three',
    send: async app => {
      const backend = await app.backend()
      const body = sig(app, 'sum', 'body')
      await backend?.setChordSize('g' as never, 3, undefined)
      for (const index of [0, 1, 2]) {
        await app.sendTask('ok', [index], { taskId: `p${index}`, groupId: 'g', groupIndex: index, chord: body })
      }
      return ['p0', 'p1', 'p2', 'body']
    },
  },
  {
    name: 'chord with a failing part',
    send: async app => {
      const backend = await app.backend()
      const body = sig(app, 'sum', 'body')
      await backend?.setChordSize('g' as never, 2, undefined)
      await app.sendTask('ok', [1], { taskId: 'p0', groupId: 'g', groupIndex: 0, chord: body })
      await app.sendTask('fail', [], { taskId: 'p1', groupId: 'g', groupIndex: 1, chord: body })
      return ['p0', 'p1', 'body']
    },
  },
  {
    name: 'failure with errback and chain',
    send: async app => [
      (await app.sendTask('fail', [], { taskId: 'a', linkError: sig(app, 'told', 'b'), chain: [sig(app, 'ok', 'c')] }))
        .id,
      'b',
      'c',
    ],
  },
  { name: 'retries that succeed', send: async app => [(await app.sendTask('again', [], { taskId: 'a' })).id] },
  { name: 'retries that run out', send: async app => [(await app.sendTask('hopeless', [], { taskId: 'a' })).id] },
  { name: 'ignore', send: async app => [(await app.sendTask('ignore', [], { taskId: 'a' })).id] },
  { name: 'reject', send: async app => [(await app.sendTask('reject', [], { taskId: 'a' })).id] },
  {
    name: 'failure with acksOnFailure off',
    send: async app => [(await app.sendTask('strict', [], { taskId: 'a' })).id],
  },
  { name: 'soft time limit', send: async app => [(await app.sendTask('soft', [], { taskId: 'a' })).id] },
  { name: 'hard time limit', send: async app => [(await app.sendTask('hard', [], { taskId: 'a' })).id] },
  { name: 'a result that cannot be stored', send: async app => [(await app.sendTask('big', [], { taskId: 'a' })).id] },
  { name: 'unknown task', send: async app => [(await app.sendTask('nowhere', [], { taskId: 'a' })).id] },
  {
    name: 'expired',
    send: async app => [(await app.sendTask('ok', [1], { taskId: 'a', countdown: 2, expires: 1 })).id],
  },
  { name: 'eta', send: async app => [(await app.sendTask('ok', [1], { taskId: 'a', countdown: 3 })).id] },
]

function sig(app: App, task: string, taskId: string) {
  const registered = app.tasks.get(task)
  assert.ok(registered !== undefined)
  return {
    task: task as never,
    args: [],
    kwargs: {},
    options: { task_id: taskId },
    subtaskType: null,
    immutable: false,
  }
}

/** One run; `crashAt` = index of the effect after which the worker dies. */
async function play(scenario: Scenario, crashAt: number | undefined, world: SimWorld): Promise<Ran> {
  const runs = new Map<string, number>()
  const cluster = new SimCluster(world, {
    tasks: defineTasks(runs),
    settings: { unknownTask: 'reject', taskTrackStarted: true },
  })
  let effects = 0
  let crashed: string | undefined
  const start = (): void => {
    const node = cluster.worker(
      'worker',
      {},
      {
        afterEffect: effect => {
          const index = effects++
          if (index !== crashAt) return undefined
          crashed = effect.kind
          node.process.kill()
          world.after(500, start)
          return new Promise(() => undefined)
        },
      },
    )
  }
  start()
  await world.sleep(1000)
  const ids = await scenario.send(cluster.client('client').app)
  await world.sleep(5000)
  await cluster.quiet(60_000)
  await world.sleep(3000)
  await cluster.quiet(60_000)
  return { ...(await remains(cluster, ids)), runs: Object.fromEntries(runs), effects, crashed }
}

async function remains(cluster: SimCluster, ids: readonly string[]): Promise<Omit<World, 'runs'>> {
  const states: Record<string, string> = {}
  for (const id of ids) {
    const meta = await cluster.result(id)
    const what =
      meta?.error === undefined ? JSON.stringify(meta?.result) : `${meta.error.type} ${JSON.stringify(meta.error.args)}`
    // STARTED names the process that began last: not the same one after a crash.
    states[id] = meta?.status === 'STARTED' ? 'STARTED' : `${meta?.status ?? 'PENDING'} ${what}`
  }
  const dead = (await cluster.contents('celery.dead')).map(({ message }) => {
    const letter = fromDeadLetter(message)
    return `${String(letter?.message.headers['id'])} ${letter?.record.reason}`
  })
  return { states, dead: dead.sort() }
}

const runOf = async (scenario: Scenario, crashAt: number | undefined): Promise<Ran> => {
  const report = await simulate('crash', world => play(scenario, crashAt, world))
  return report.value
}

describe('F04 a worker killed after any single effect leaves the same world (late acks)', () => {
  for (const scenario of SCENARIOS) {
    test(scenario.name, async () => {
      const undisturbed = await runOf(scenario, undefined)
      assert.ok(undisturbed.effects > 0)
      for (let k = 0; k < undisturbed.effects; k++) {
        const ran = await runOf(scenario, k)
        const where = `killed after effect ${k} (${ran.crashed})`
        assert.ok(ran.crashed !== undefined, `effect ${k} was never reached`)
        assert.deepEqual(ran.states, undisturbed.states, where)
        assert.deepEqual(ran.dead, undisturbed.dead, where)
        for (const [name, times] of Object.entries(undisturbed.runs)) {
          const now = ran.runs[name] ?? 0
          assert.ok(now >= times && now <= times + 1, `${where}: ${name} ran ${now} times instead of ${times}`)
        }
        assert.deepEqual(Object.keys(ran.runs).sort(), Object.keys(undisturbed.runs).sort(), where)
      }
    })
  }
})
