import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection, QueueStats } from '../../src/brokers/broker.js'
import { nodeName, queueName } from '../../src/protocol/ids.js'
import { NamesakeWatch } from '../../src/worker/namesake-watch.js'
import { handRuntime } from '../app/hand-runtime.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

const WARNING = /Another worker lives under the name celery@rig/

test('H74 each of two workers of one name warns of the other, where workers do not hear each other', async () => {
  await using rig = new Rig(
    runtime => new MemoryPlace(runtime),
    () => undefined,
  )
  const warnings = (): number => rig.runtime.lines.filter(({ message }) => WARNING.test(message)).length
  await rig.worker('celery')
  await rig.pass(60_000)
  assert.equal(warnings(), 0)
  await rig.worker('celery')
  await rig.pass(44_000)
  assert.equal(warnings(), 0)
  await rig.pass(16_000)
  assert.equal(warnings(), 2)
  await rig.pass(300_000)
  assert.equal(warnings(), 2)
})

test('H74 a predecessor whose lease runs out meanwhile is no namesake, nor is who cannot be counted', async () => {
  const runtime = handRuntime()
  const answers: (number | undefined | Error)[] = [2, 2, 1, 2, 2, new Error('lost'), undefined, 2, 2]
  const connection = {
    stats: async (queue: QueueStats['queue']) => {
      const consumers = answers.shift()
      if (consumers instanceof Error) throw consumers
      return { queue, ready: 0, held: 0, delayed: 0, consumers }
    },
  } as unknown as Connection // the one verb that it asks for
  const watch = new NamesakeWatch({ runtime, self: nodeName('w@h'), mailbox: queueName('w@h.celery.pidbox') })
  const joined = await watch.join(connection, new AbortController().signal)
  for (let n = 0; n < 9; n++) await runtime.clock.pass(15_000)
  assert.equal(answers.length, 0)
  assert.equal(runtime.lines.length, 0)
  await joined[Symbol.asyncDispose]()
  await runtime.clock.pass(60_000)
})
