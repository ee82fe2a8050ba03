import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withPast } from '../../src/brokers/amqp/past.js'
import type { Ms } from '../../src/lib/time.js'
import { fromDeadLetter } from '../../src/protocol/dead-letter.js'
import type { QueueName, TaskId } from '../../src/protocol/ids.js'
import { AmqpPlace } from '../../src/testing/sim/amqp-place.js'
import { SimCluster, type SimWorkerNode } from '../../src/testing/sim/sim-cluster.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { poisonTask } from '../../src/worker/exceptions.js'
import { sig } from '../support/worker/stage.js'

/*
 * Where a broker says of a message's past no more than one flag, a message with a past is published again before it runs (D40).
 * The copy is a message like others: it may go to another worker, and be long on its way.
 */

const CELERY = 'celery' as QueueName

/** Two workers, of which `v` knows one task more than `w`. */
class Scene {
  readonly world: SimWorld
  readonly place: AmqpPlace
  readonly cluster: SimCluster
  readonly runs: string[] = []

  constructor(world: SimWorld, lasting: Ms) {
    this.world = world
    this.place = new AmqpPlace({ runtime: world.runtime, random: world.random.split('broker'), now: () => world.now })
    this.cluster = new SimCluster(world, {
      place: this.place,
      tasks: (app, process) => {
        const run = async (): Promise<string> => {
          this.runs.push(process.name)
          await process.runtime.clock.sleep(lasting)
          return process.name
        }
        app.task('common', run, { acksLate: true })
        if (process.name === 'v') app.task('rare', run, { acksLate: true })
      },
    })
  }

  worker(name: string): SimWorkerNode {
    return this.cluster.worker(name, { concurrency: 1, prefetchMultiplier: 2 })
  }

  async send(task: string): Promise<void> {
    await this.cluster.client('client').app.sendTask(task, [], { taskId: 'a' })
  }
}

const onScene = (lasting: Ms, play: (scene: Scene) => Promise<void>) =>
  simulate('copies', world => play(new Scene(world, lasting)))

describe('a message that is published again before it runs', () => {
  test('H27 comes to run though each copy goes to a worker first that does not know its task', async () => {
    await onScene(100, async scene => {
      const first = scene.worker('v')
      await scene.world.sleep(1000)
      await scene.send('rare')
      await scene.world.until('it runs', () => scene.runs.length === 1, 5000)
      first.process.kill()
      scene.worker('w')
      await scene.world.sleep(1000)
      scene.worker('v')
      await scene.cluster.quiet(60_000)
      assert.deepEqual(scene.runs, ['v', 'v'])
      assert.equal((await scene.cluster.result('a'))?.status, 'SUCCESS')
    })
  })

  test('D44 is not run when its end was told while the copy was on its way', async () => {
    await onScene(10_000, async scene => {
      const first = scene.worker('v')
      await scene.world.sleep(1000)
      await scene.send('common')
      await scene.world.until('it runs', () => scene.runs.length === 1, 5000)
      scene.worker('w')
      await scene.world.sleep(1000)
      first.broker.cut()
      // The other has it now, and cannot publish its copy.
      scene.place.block(true)
      await scene.world.sleep(20_000)
      assert.equal((await scene.cluster.result('a'))?.status, 'SUCCESS')
      scene.place.block(false)
      await scene.cluster.quiet(120_000)
      assert.deepEqual(scene.runs, ['v'])
      assert.equal((await scene.cluster.result('a'))?.result, 'v')
    })
  })

  test('D60 is buried when its poison is stored, though a copy with fewer faults has come after it', async () => {
    await onScene(100, async scene => {
      await scene.send('common')
      const observer = await scene.cluster.observe()
      const [sent] = await observer.get(CELERY, 1)
      assert.ok(sent !== undefined)
      for (const deliveries of [3, 1]) {
        const past = { deliveries, mark: 'failed', claim: 1, exchange: '', routingKey: CELERY } as const
        const copy = { ...sent.message, headers: withPast(sent.message.headers, past) }
        await observer.publish(copy, { exchange: '', routingKey: CELERY }, { publishId: `copy-${deliveries}` })
      }
      await sent.ack()
      const failure = { taskId: 'a' as TaskId, status: 'FAILURE', error: poisonTask(3, 'v@sim') } as const
      const told = { ...failure, result: undefined, traceback: undefined, children: undefined, dateDone: undefined }
      await scene.cluster.results().store(told, { ttl: undefined, fence: undefined, reply: undefined })
      scene.worker('w')
      await scene.cluster.quiet(60_000)
      const letters = await scene.cluster.contents('celery.dead')
      assert.deepEqual(
        letters.map(({ message }) => fromDeadLetter(message)?.record.deliveries),
        [3],
      )
      assert.deepEqual(scene.runs, [])
    })
  })
})

test('D60 what kills each worker that runs its copy is refused by the one that goes on marking it to begin', async () => {
  const runs: string[] = []
  await simulate('deadly copies', async world => {
    // Its confirms take longer than a worker needs to run a copy, and to die of it.
    const options = { random: world.random.split('broker'), now: () => world.now, syncMs: 50 }
    const place = new AmqpPlace({ runtime: world.runtime, ...options })
    const cluster = new SimCluster(world, {
      place,
      latency: { min: 0.1, max: 0.2 },
      settings: { taskMaxDeliveries: 2 },
      tasks: (app, process) => {
        const die = (): void => {
          runs.push(process.name)
          process.kill()
        }
        app.task('deadly', die, { acksLate: true })
      },
    })
    const start = (name: string): void => {
      cluster.worker(name).process.onDeath(() => void world.after(100, () => start(name)))
    }
    for (const name of ['u', 'v', 'w', 'x']) start(name)
    await world.sleep(1000)
    await cluster.client('client').app.sendTask('deadly', [], { taskId: 'a' })
    await world.sleep(30_000)
    assert.equal((await cluster.result('a'))?.error?.type, 'PoisonTaskError')
    await cluster.quiet(60_000)
    assert.equal((await cluster.contents('celery.dead')).length, 1)
  })
  assert.equal(runs.length, 2)
})

test('D42 D45 an id that is sent again, and runs again, at one instant hands on the one value that is stored', async () => {
  const given: unknown[] = []
  const runs: Ms[] = []
  await simulate('again', async world => {
    const runtime = world.runtime
    const place = new AmqpPlace({ runtime, random: world.random.split('broker'), now: () => world.now, syncMs: 1 })
    const cluster = new SimCluster(world, {
      place,
      latency: { min: 0.1, max: 0.2 },
      tasks: app => {
        app.task('once', () => runs.push(world.now), { acksLate: true })
        app.task('next', (value: unknown) => void given.push(value))
      },
    })
    cluster.worker('w')
    const { app } = cluster.client('client')
    await world.sleep(1000)
    for (const times of [1, 2, 3]) {
      await app.sendTask('once', [], { taskId: 'a', link: sig('next', `b${times}`) })
      await world.until('it has run, and told all', () => given.length === times, 5000)
      // Its ack is answered.
      await world.sleep(2)
    }
    await cluster.quiet(10_000)
    assert.equal((await cluster.result('a'))?.result, 1)
  })
  // A number of claims counts time by 32 ms.
  const [first = 0, second = 0, third = 0] = runs
  assert.ok(second - first < 16 && third - second < 16, 'two of three runs fall into one tick')
  assert.deepEqual(given, [1, 1, 1])
})
