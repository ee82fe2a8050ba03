import assert from 'node:assert/strict'
import type { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import type { Ms } from '../../src/lib/time.js'
import { SimCluster, type SimNode, type SimWorkerNode } from '../../src/testing/sim/sim-cluster.js'
import type { SimProcess } from '../../src/testing/sim/sim-process.js'
import type { SimRandom } from '../../src/testing/sim/sim-random.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'

/*
 * Three workers and two clients on one broker and one backend, with late acks, through twenty seconds of kills, freezes
 * and broken links; then everything heals, and the cluster has to become quiet. The journal is the truth of what ran.
 */

export interface StormVerdict {
  readonly accepted: number
  readonly runs: number
  readonly kills: number
  readonly faults: number
}

interface Sent {
  readonly id: string
  readonly kind: Kind
  readonly n: number
}

const KINDS = ['plain', 'slow', 'failing', 'flaky', 'chained', 'delayed'] as const
type Kind = (typeof KINDS)[number]

const STORM: Ms = 20_000
const PER_CLIENT = 25

export async function storm(world: SimWorld): Promise<StormVerdict> {
  const journal = new Map<string, number>()
  const draw = world.random.split('storm')
  const cluster = new SimCluster(world, {
    tasks: (app, process) => defineTasks(app, process, journal),
    settings: {
      taskAcksLate: true,
      taskRejectOnWorkerLost: true,
      taskMaxDeliveries: 50,
      resultExtended: draw.chance(0.5),
    },
  })
  const accepted: Sent[] = []
  const attempted = new Set<string>()
  const clients = ['c1', 'c2'].map(name => ({ name, node: cluster.client(name) }))
  const workers = new Map(['w1', 'w2', 'w3'].map(name => [name, startWorker(cluster, name, draw)]))
  const sending = clients.map(({ name, node }) => send(name, node, accepted, attempted, draw.split(name)))

  let kills = 0
  let faults = 0
  const trouble = draw.split('faults')
  while (world.now < STORM) {
    await world.sleep(trouble.between(100, 2500))
    faults++
    const name = trouble.pick([...workers.keys()])
    const node = workers.get(name) as SimWorkerNode
    if (trouble.chance(0.35)) {
      kills++
      node.process.kill()
      world.after(trouble.between(0, 3000), () => workers.set(name, startWorker(cluster, name, draw)))
      continue
    }
    strike(world, trouble, trouble.chance(0.2) ? trouble.pick(clients).node : node)
  }
  await world.sleep(8000)
  for (const { process, broker, backend } of [...workers.values(), ...clients.map(({ node }) => node)]) {
    process.thaw()
    broker.heal()
    backend.heal()
  }
  await Promise.all(sending)
  await cluster.quiet(240_000)
  await check(cluster, accepted, attempted, journal)
  return { accepted: accepted.length, runs: [...journal.values()].reduce((a, b) => a + b, 0), kills, faults }
}

function startWorker(cluster: SimCluster, name: string, draw: SimRandom): SimWorkerNode {
  return cluster.worker(name, { concurrency: draw.int(1, 8), prefetchMultiplier: draw.int(1, 4) })
}

function strike(world: SimWorld, draw: SimRandom, { process, broker, backend }: SimNode): void {
  const kind = draw.pick(['freeze', 'reset', 'cut', 'blackhole', 'step'] as const)
  const link = draw.chance(0.7) ? broker : backend
  const after = draw.between(0, 5000)
  switch (kind) {
    case 'freeze':
      process.freeze()
      world.after(after, () => process.thaw())
      return
    case 'step':
      process.stepWallClock(draw.between(-500, 500))
      return
    case 'reset':
      link.reset()
      return
    case 'cut':
      link.cut()
      world.after(after, () => link.heal())
      return
    case 'blackhole':
      link.blackhole()
      world.after(after, () => link.heal())
      return
    default:
      kind satisfies never
  }
}

function defineTasks(app: App, process: SimProcess, journal: Map<string, number>): void {
  const { clock, random } = process.runtime
  const enter = (): void => {
    const { id, retries } = currentTask()
    journal.set(`${id}:${retries}`, (journal.get(`${id}:${retries}`) ?? 0) + 1)
  }
  app.task('plain', (n: number) => {
    enter()
    return n * 2
  })
  app.task('slow', async (n: number) => {
    enter()
    await clock.sleep(random.next() * 4000)
    return n * 2
  })
  app.task('failing', (n: number) => {
    enter()
    throw new RangeError(`no ${n}`)
  })
  app.task(
    'flaky',
    (n: number) => {
      enter()
      if (currentTask().retries < 2) throw new Error('not yet')
      return n * 2
    },
    { autoretryFor: [Error], retryBackoff: true, maxRetries: 5 },
  )
}

/** A client that does not give up: what is not known to be accepted is sent again under the same id. */
async function send(
  name: string,
  { app, process }: SimNode,
  accepted: Sent[],
  attempted: Set<string>,
  draw: SimRandom,
): Promise<void> {
  const { clock } = process.runtime
  for (let n = 0; n < PER_CLIENT; n++) {
    const kind = draw.pick(KINDS)
    const id = `${name}-${n}`
    attempted.add(id)
    await clock.sleep(draw.between(0, 700))
    for (;;) {
      try {
        await publish(app, kind, n, id)
        break
      } catch (error) {
        process.runtime.log.warning(`not accepted: ${String(error)}`)
        await clock.sleep(500)
      }
    }
    accepted.push({ id, kind, n })
  }
}

async function publish(app: App, kind: Kind, n: number, taskId: string): Promise<void> {
  switch (kind) {
    case 'chained': {
      const next = {
        task: 'plain' as never,
        args: [],
        kwargs: {},
        options: { task_id: `${taskId}-next` },
        subtaskType: null,
        immutable: false,
      }
      await app.sendTask('plain', [n], { taskId, chain: [next] })
      return
    }
    case 'delayed':
      await app.sendTask('plain', [n], { taskId, countdown: 4 })
      return
    default:
      await app.sendTask(kind, [n], { taskId })
  }
}

/** Invariants I01, I02, I06, I07, I08 at quiet. */
async function check(
  cluster: SimCluster,
  accepted: readonly Sent[],
  attempted: ReadonlySet<string>,
  journal: ReadonlyMap<string, number>,
): Promise<void> {
  for (const { id, kind, n } of accepted) {
    const meta = await cluster.result(id)
    if (kind === 'failing') {
      assert.equal(meta?.status, 'FAILURE', `${id} ${kind}`)
      continue
    }
    assert.equal(meta?.status, 'SUCCESS', `I01 ${id} ${kind} is ${meta?.status}`)
    assert.equal(meta?.result, n * 2, `I07 ${id}`)
    if (kind === 'flaky') assert.ok(journal.has(`${id}:2`), `I02 ${id} never had its third attempt`)
    else assert.ok(journal.has(`${id}:0`), `I02 ${id} never ran`)
    if (kind !== 'chained') continue
    const next = await cluster.result(`${id}-next`)
    assert.equal(next?.result, n * 4, `I08 ${id}`)
  }
  for (const key of journal.keys()) {
    const id = key.slice(0, key.lastIndexOf(':')).replace(/-next$/, '')
    assert.ok(attempted.has(id), `I06 ${id} was never published`)
  }
  assert.equal((await cluster.contents('celery.dead')).length, 0, 'nothing here deserves to be a dead letter')
}
