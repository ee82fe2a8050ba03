import type { App, Inspected } from '../../index.js'
import type { QueueName } from '../../protocol/ids.js'
import { requestStart } from '../../protocol/request-start.js'
import { type Command, defineCommand } from '../command.js'
import { withConnection } from '../connection.js'
import { eachDeadLetter, queuesWithDead } from '../dead-letters.js'
import { EXIT } from '../exit-code.js'
import { explanation, type Holder, type TaskFacts } from '../explanation.js'
import type { Io } from '../io.js'
import { outside } from '../output.js'
import { queueRows } from '../queue-rows.js'
import { REMOTE_OPTIONS } from '../remote-options.js'

export const explain: Command = defineCommand({
  name: 'explain',
  summary: 'Say where a task is, and why it does not run.',
  description:
    'Asks the result backend, all workers, the queues and the dead letters about one task, and prints what stands in its way: it has ended, runs, is held by a worker until its eta or a free slot, waits for its next attempt, is revoked, is a dead letter, or waits in a queue, perhaps one without a consumer.',
  arguments: [{ name: 'id', description: 'Id of the task.', required: true }],
  options: REMOTE_OPTIONS,
  examples: [
    {
      line: 'lovage explain 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts',
      does: 'One answer, and what else is known.',
    },
  ],
  run: async (context, { timeout, destination }, io) => {
    const { app } = await context.loadApp()
    const ask = { timeout: timeout === undefined ? undefined : `${timeout}ms`, destination, signal: io.signal }
    const facts = await factsOf(context.arguments['id']?.[0] ?? '', app, ask, io)
    const { dead, ...rest } = facts
    context.out.result({ explanation: explanation(facts), ...rest, dead }, () => explanation(facts).map(outside))
    return EXIT.ok
  },
})

type Ask = Parameters<App['inspect']>[0]

async function factsOf(id: string, app: App, ask: Ask, io: Io): Promise<TaskFacts> {
  const backend = await app.backend()
  const stored = await backend?.fetch(app.result(id).id)
  const [known, scheduled, revoked] = [
    await app.inspect(ask).queryTask(id),
    await app.inspect(ask).scheduled(),
    await app.inspect(ask).revoked(),
  ]
  const holders: Holder[] = []
  for (const [node, reply] of answers(known)) {
    const [place, info] = reply[id] ?? []
    if (info === undefined || (place !== 'active' && place !== 'reserved')) continue
    const until = answers(scheduled)
      .find(([each]) => each === node)?.[1]
      .find(entry => entry.request.id === id)
    const since = requestStart(info)
    if (until !== undefined) holders.push({ node, place: 'scheduled', at: until.eta ?? undefined })
    else holders.push({ node, place, at: since === undefined ? undefined : new Date(since).toISOString() })
  }
  const revokedAt = answers(revoked).flatMap(([node, ids]) => (ids.includes(id) ? [node] : []))
  const nodes = answers(known).map(([node]) => node)
  const [queues, dead] = await withConnection(app, io, async connection => {
    const rows = await queueRows(app, connection)
    const work = rows.filter(({ queue }) => !/\.(dead|pidbox)$/.test(queue) && !queue.startsWith('celeryev.'))
    return [work, await deadRecord(id, connection)] as const
  })
  return {
    id,
    stored,
    keepsNothing: backend === undefined,
    holders,
    nodes,
    revokedAt,
    dead,
    queues,
    now: app.runtime.clock.now(),
  }
}

async function deadRecord(id: string, connection: Parameters<typeof eachDeadLetter>[0]): Promise<TaskFacts['dead']> {
  let found: TaskFacts['dead']
  for (const queue of await queuesWithDead(connection)) {
    await eachDeadLetter(connection, queue as QueueName, async letter => {
      if (letter.id !== id) return 'kept'
      found = letter.record
      return 'enough'
    })
    if (found !== undefined) return found
  }
  return undefined
}

/** Of those that answered with more than an error. */
function answers<T>(replies: Inspected<T>): readonly (readonly [node: string, reply: T])[] {
  return Object.entries(replies).flatMap(([node, reply]) =>
    typeof reply === 'object' && reply !== null && 'error' in reply ? [] : [[node, reply as T] as const],
  )
}
