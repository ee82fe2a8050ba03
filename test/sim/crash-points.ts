import assert from 'node:assert/strict'
import { type App, currentTask, Ignore, Reject } from '../../src/index.js'
import type { Ms } from '../../src/lib/time.js'
import { fromDeadLetter } from '../../src/protocol/dead-letter.js'
import { AmqpPlace } from '../../src/testing/sim/amqp-place.js'
import { LeasePlace } from '../../src/testing/sim/lease-place.js'
import { SimCluster, type SimNode } from '../../src/testing/sim/sim-cluster.js'
import type { SimProcess } from '../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { DiskFolder } from './lab/disk-folder.js'
import { DiskPlace } from './lab/disk-place.js'
import type { LabPlace } from './lab/lab-place.js'
import type { Profile } from './lab/plan.js'
import { FAST } from './lab/play.js'

/*
 * Crash points (§13.5): scenarios short enough to kill the worker after every single effect, or after every pair of them,
 * on every kind of broker, with late and with early acks. No seed is drawn for the crash.
 */

/** What a run leaves behind. */
export interface World {
  /** Task id → state and value or error. */
  readonly states: Readonly<Record<string, string>>
  /** Reason of each dead letter, by task id. */
  readonly dead: readonly string[]
  /** Task name → how often its handler was entered. */
  readonly runs: Readonly<Record<string, number>>
}

export interface Ran extends World {
  readonly effects: number
  /** The effects after which the worker was killed. */
  readonly crashed: readonly string[]
}

export interface CrashScenario {
  readonly name: string
  /** Publishes; returns the ids whose states are compared. */
  send(app: App): Promise<readonly string[]>
}

/** Where and how the scenarios are played. */
export interface Ground {
  /** On `log-disk` it is the power that goes off: over a disk that syncs. */
  readonly profile: Profile
  readonly late: boolean
}

export const GROUNDS: readonly Ground[] = Object.freeze([
  { profile: 'lease-like', late: true },
  { profile: 'amqp-like', late: true },
  { profile: 'lease-like', late: false },
  { profile: 'amqp-like', late: false },
  { profile: 'log-disk', late: true },
  { profile: 'log-disk', late: false },
])

function defineTasks(runs: Map<string, number>, late: boolean) {
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
        { acksLate: late, defaultRetryDelay: '1s', ...options },
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

export const CRASH_SCENARIOS: readonly CrashScenario[] = Object.freeze([
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
])

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

/** Longer than every scenario takes, crashes included. */
const LONG: Ms = 90_000

async function play(
  scenario: CrashScenario,
  ground: Ground,
  crashAt: readonly number[],
  world: SimWorld,
  folder: () => DiskFolder,
): Promise<Ran> {
  const runs = new Map<string, number>()
  const place = placeOf(ground, world, folder)
  const cluster = new SimCluster(world, {
    place,
    tasks: defineTasks(runs, ground.late),
    settings: { unknownTask: 'reject', taskTrackStarted: true },
  })
  let effects = 0
  const crashed: string[] = []
  const start = (): void => {
    const node = cluster.worker(
      'worker',
      {},
      {
        afterEffect: effect => {
          const index = effects++
          if (!crashAt.includes(index)) return undefined
          crashed.push(effect.kind)
          node.process.kill()
          if (place instanceof DiskPlace) losePower(place, client)
          world.after(500, start)
          return new Promise(() => undefined)
        },
      },
    )
  }
  const client = cluster.client('client')
  // The client's power goes off as well, so everything is sent by then.
  if (place instanceof DiskPlace) world.after(1000, start)
  else {
    start()
    await world.sleep(1000)
  }
  const ids = await scenario.send(client.app)
  // While the power goes on and off nobody can look.
  await world.sleep(place instanceof DiskPlace ? LONG : 5000)
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

function placeOf({ profile }: Ground, world: SimWorld, folder: () => DiskFolder): LabPlace {
  const random = world.random.split('broker')
  switch (profile) {
    case 'lease-like':
      return new LeasePlace(world)
    case 'amqp-like':
      return new AmqpPlace({ runtime: world.runtime, random, now: () => world.now })
    case 'log-disk':
      return new DiskPlace(world, { folder: folder(), random, durability: 'full', leaseMs: 5000, renewMs: 1250 })
    default:
      return profile satisfies never
  }
}

function losePower(place: DiskPlace, client: SimNode): void {
  client.process.kill()
  place.powerLoss()
  assert.deepEqual(place.ledger.wrongs, [])
}

/** One run; `crashAt` = indices of the effects after which the worker dies. */
export async function runOf(scenario: CrashScenario, ground: Ground, crashAt: readonly number[]): Promise<Ran> {
  let folder: DiskFolder | undefined
  const disk = (): DiskFolder => {
    folder ??= new DiskFolder()
    return folder
  }
  try {
    const report = await simulate('crash', world => play(scenario, ground, crashAt, world, disk), FAST)
    return report.value
  } finally {
    folder?.[Symbol.dispose]()
  }
}

/** The world it leaves must be the undisturbed one, but for repetitions; with early acks, but also for what was lost. */
export function compare(ran: Ran, undisturbed: Ran, { late, profile }: Ground, where: string): void {
  const crashes = ran.crashed.length
  for (const [id, state] of Object.entries(undisturbed.states)) {
    const now = ran.states[id]
    const lost = !late && /^(PENDING|STARTED|RETRY)/.test(now ?? '')
    if (!lost) assert.equal(now, state, `${where}: ${id}`)
  }
  if (late) assert.deepEqual([...new Set(ran.dead)], undisturbed.dead, where)
  if (late && profile !== 'amqp-like') assert.equal(ran.dead.length, undisturbed.dead.length, where)
  for (const [name, times] of Object.entries(undisturbed.runs)) {
    const now = ran.runs[name] ?? 0
    const least = late ? times : 0
    const most = late ? mostRuns(profile, times, crashes) : times
    assert.ok(now >= least && now <= most, `${where}: ${name} ran ${now} times instead of ${times}`)
  }
  const extra = Object.keys(ran.runs).filter(name => undisturbed.runs[name] === undefined)
  assert.deepEqual(extra, [], where)
}

/** How often late-acked tasks of one name may run that would have run so many times (I04). */
function mostRuns(profile: Profile, times: number, crashes: number): number {
  switch (profile) {
    case 'lease-like':
      return times + crashes
    case 'amqp-like':
      // It has no memory of publish ids: what is published again runs again (D05).
      return times * 2 ** crashes + crashes
    case 'log-disk':
      // All were sent before the worker began, so the power takes along whatever is in flight.
      return times * (1 + crashes)
    default:
      return profile satisfies never
  }
}

export interface CrashPairs {
  /** On one kind of broker; default: on all. */
  readonly profile: string | undefined
  /** `early` or `late`; default: both. */
  readonly acks: string | undefined
  say(line: string): void
}

/** Every pair of crash points of every scenario: for a night, not for every test run. Resolves to an exit code. */
export async function crashPairs({ profile, acks, say }: CrashPairs): Promise<number> {
  const grounds = GROUNDS.filter(one => profile === undefined || one.profile === profile)
  if (grounds.length === 0) throw new Error(`There is no broker '${profile}'.`)
  if (acks !== undefined && acks !== 'early' && acks !== 'late')
    throw new Error(`There are no '${acks}' acks; there are early and late ones.`)
  let failures = 0
  for (const ground of grounds.filter(({ late }) => acks === undefined || late === (acks === 'late'))) {
    for (const scenario of CRASH_SCENARIOS) {
      const undisturbed = await runOf(scenario, ground, [])
      // The second crash may strike what only the repetition does.
      const last = 2 * undisturbed.effects
      for (let first = 0; first < undisturbed.effects; first++) {
        for (let second = first + 1; second < last; second++) {
          const ran = await runOf(scenario, ground, [first, second])
          const where = `${scenario.name}, ${ground.profile}, ${ground.late ? 'late' : 'early'}: ${first} and ${second} (${ran.crashed.join(', ')})`
          try {
            compare(ran, undisturbed, ground, where)
          } catch (error) {
            failures++
            say(error instanceof Error ? error.message : String(error))
          }
        }
      }
    }
    say(`${ground.profile}, ${ground.late ? 'late' : 'early'} acks: every pair played, ${failures} failures so far`)
  }
  return failures === 0 ? 0 : 1
}
