import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { ClusterFold } from '../../src/events/cluster-state.js'
import { EventReader } from '../../src/events/event-reader.js'
import { LamportClock } from '../../src/lib/lamport-clock.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import type { QueueName } from '../../src/protocol/ids.js'
import { onStage, type Stage, sleeper } from '../support/worker/stage.js'

const SEEDS = 12
const TASKS = 30
const KINDS = ['ok', 'bad', 'slow', 'again'] as const

/** Everything that workers tell, folded as it comes. */
class Ears {
  readonly fold = new ClusterFold()
  readonly types = new Map<string, string[]>()

  static async open(stage: Stage): Promise<Ears> {
    const ears = new Ears()
    const connection = await stage.cluster.observe()
    const exchange = { name: 'celeryev', type: 'topic', durable: true } as const
    const queue = { name: 'ears' as QueueName, exchange, routingKey: '#' }
    const consumer = await connection.consume([queue], 1000)
    const { runtime } = stage.world
    const codec = createCodec({ accept: ['json'], serializer: 'json' })
    const reader = new EventReader({ runtime, codec, clock: new LamportClock() })
    void (async () => {
      for await (const deliveries of consumer) {
        for (const { message } of deliveries) ears.#hear(reader.read(message))
        await Promise.all(deliveries.map(delivery => delivery.ack()))
      }
    })()
    return ears
  }

  #hear(events: ReturnType<EventReader['read']>): void {
    this.fold.apply(events)
    for (const { type, fields } of events) {
      const id = String(fields['uuid'])
      this.types.set(id, [...(this.types.get(id) ?? []), type])
    }
  }
}

describe('I15 what events tell is what happened', () => {
  test(`to every task, whatever becomes of connections, in ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const tasks = {
        ok: () => 1,
        bad: () => {
          throw new TypeError('no')
        },
        slow: sleeper(700),
        again: () => {
          if (currentTask().retries < 2) throw currentTask().retry({ countdown: 1 })
          return currentTask().retries
        },
      }
      await onStage(
        // Late acks: a task that is lost between ack and start would have no end to compare.
        { tasks, settings: { workerSendTaskEvents: true, taskAcksLate: true } },
        async stage => {
          const ears = await Ears.open(stage)
          const workers = [await stage.worker('a'), await stage.worker('b')]
          const { random } = stage.world
          for (let n = 0; n < TASKS; n++) {
            await stage.app.sendTask(KINDS[n % KINDS.length] as string, [], { taskId: `t${n}` })
          }
          for (let fault = 0; fault < 4; fault++) {
            await stage.world.sleep(random.next() * 800)
            const { broker } = workers[fault % 2] as (typeof workers)[number]
            if (random.next() < 0.5) broker.reset()
            else {
              broker.cut()
              await stage.world.sleep(random.next() * 3000)
              broker.heal()
            }
          }
          await stage.quiet(300_000)
          await stage.world.sleep(20_000)
          for (let n = 0; n < TASKS; n++) {
            const id = `t${n}`
            const told = ears.fold.task(id)
            const heard = ears.types.get(id)?.join(' ')
            assert.equal(told?.state, await stage.status(id), `seed ${seed}, ${id}: ${heard}`)
            assert.equal(told?.name, KINDS[n % KINDS.length], `seed ${seed}, ${id}: ${heard}`)
          }
        },
        seed,
      )
    }
  })
})

describe('H16 the broker is away for ten minutes', () => {
  test('no heartbeat of that time is kept, and the worker is seen again at once', async () => {
    await onStage({ tasks: { ok: () => 1 }, settings: { workerSendTaskEvents: true } }, async stage => {
      const ears = await Ears.open(stage)
      const { broker } = await stage.worker('a', { withoutHeartbeat: false })
      await stage.world.until('a heartbeat', () => ears.fold.worker('a@sim') !== undefined, 60_000)
      broker.cut()
      await stage.world.sleep(600_000)
      const before = ears.fold.eventCount
      broker.heal()
      await stage.world.until('a sign of life', () => ears.fold.eventCount > before, 60_000)
      await stage.world.sleep(10_000)
      assert.ok(ears.fold.eventCount - before <= 8, `${ears.fold.eventCount - before} events`)
      assert.equal(ears.fold.aliveWorkers(stage.world.runtime.clock.steady()).length, 1)
    })
  })
})
