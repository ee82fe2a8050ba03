import { BULK } from '../noop-app.js'
import { type BullQueue, bullOptions, loadBullMq } from '../peers/bullmq.js'
import type { Contestant } from '../row.js'
import { type Publishing, publishing } from './publishing.js'

/** Unconfirmed adds at a time: the faster of its two ways to publish many. */
const IN_FLIGHT = 100

/** `add`, one after another or many in flight; `bulk`: `addBulk`, a thousand at a time. */
export async function bullMqPublish(how: Publishing, bulk = false): Promise<Contestant> {
  const queue = new (loadBullMq().Queue)('enqueue', bullOptions())
  await queue.waitUntilReady()
  const lanes = how.way === 'one' ? 1 : IN_FLIGHT
  const act = bulk ? () => addBulk(queue, how.tasks) : () => add(queue, how.tasks, lanes)
  return {
    name: bulk ? 'BullMQ addBulk' : `BullMQ add, ${lanes} in flight`,
    run: () => publishing(how, act),
    async [Symbol.asyncDispose]() {
      await queue.obliterate({ force: true })
      await queue.close()
    },
  }
}

async function add(queue: BullQueue, tasks: number, lanes: number): Promise<void> {
  let sent = 0
  const lane = async (): Promise<void> => {
    while (sent < tasks) await queue.add('noop', [1, sent++])
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

async function addBulk(queue: BullQueue, tasks: number): Promise<void> {
  for (let sent = 0; sent < tasks; sent += BULK) {
    await queue.addBulk(Array.from({ length: BULK }, (_, i) => ({ name: 'noop', data: [sent, i] })))
  }
}
