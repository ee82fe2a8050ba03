import { Child } from '../child.js'
import { timed } from '../noop-app.js'
import { bullOptions, loadBullMq } from '../peers/bullmq.js'
import type { Contestant } from '../row.js'
import { type Workflow, workflowSample } from './workflow.js'

const QUEUE = 'flow'

/** A flow: a job that waits for its children. A worker in another process, the result by `QueueEvents`. */
export async function bullMqFlow(workflow: Workflow): Promise<Contestant> {
  const worker = await Child.start('bullmq-worker', { queue: QUEUE })
  const { Queue, QueueEvents, FlowProducer } = loadBullMq()
  const queue = new Queue(QUEUE, bullOptions())
  const flows = new FlowProducer(bullOptions())
  const events = new QueueEvents(QUEUE, bullOptions())
  await events.waitUntilReady()
  const child = (i: number): object => ({ name: 'noop', queueName: QUEUE, data: [i, 2] })
  const flow = {
    name: 'count',
    queueName: QUEUE,
    data: [workflow.size],
    children: Array.from({ length: workflow.size }, (_, i) => child(i)),
  }
  return {
    name: 'BullMQ, Redis',
    run: async () => {
      const seconds = await timed(async () => {
        for (let n = 0; n < workflow.times; n++) await (await flows.add(flow)).job.waitUntilFinished(events)
      })
      return workflowSample(workflow, 1000 * seconds)
    },
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]()
      await events.close()
      await flows.close()
      await queue.obliterate({ force: true })
      await queue.close()
    },
  }
}
