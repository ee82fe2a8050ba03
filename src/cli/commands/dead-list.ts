import type { Connection } from '../../brokers/broker.js'
import { type QueueName, queueName } from '../../protocol/ids.js'
import { type Command, defineCommand } from '../command.js'
import { withConnection } from '../connection.js'
import { type DeadLetter, eachDeadLetter, queuesWithDead } from '../dead-letters.js'
import { EXIT } from '../exit-code.js'
import { integer } from '../option.js'
import { textTable } from '../text-table.js'

const DEFAULT_LIMIT = 100

export const deadList: Command = defineCommand({
  name: 'list',
  summary: 'List dead letters.',
  description: 'Lists the messages that could not be run: of one queue, or of all.',
  arguments: [{ name: 'queue', description: 'The queue they were in. Default: all queues.', required: false }],
  options: { limit: integer('--limit <n>', `At most this many of each queue. Default: ${DEFAULT_LIMIT}.`, { min: 1 }) },
  examples: [
    { line: 'lovage dead list -A tasks.ts', does: 'Of all queues.' },
    { line: 'lovage dead list celery --json -A tasks.ts', does: 'Of one queue, as JSON.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const wanted = context.arguments['queue']?.map(queueName)
    const found = await withConnection(app, io, async connection => {
      const queues = wanted?.length ? wanted : await queuesWithDead(connection)
      const lists = []
      for (const queue of queues) lists.push(...(await list(connection, queue, options.limit ?? DEFAULT_LIMIT)))
      return lists
    })
    const rows = found.map(row => [
      row.id,
      row.queue,
      row.task ?? '?',
      row.reason ?? '?',
      row.deliveries ?? '?',
      row.diedAt ?? '?',
      row.detail ?? '',
    ])
    context.out.result(found, () =>
      found.length === 0
        ? ['No dead letters.']
        : textTable(['ID', 'QUEUE', 'TASK', 'REASON', 'FAULTS', 'DIED', 'DETAIL'], rows),
    )
    return EXIT.ok
  },
})

type Summary = ReturnType<typeof summary>

async function list(connection: Connection, queue: QueueName, limit: number): Promise<readonly Summary[]> {
  const found: Summary[] = []
  await eachDeadLetter(connection, queue, async letter => {
    if (found.length === limit) return 'enough'
    found.push(summary(queue, letter))
    return 'kept'
  })
  return found
}

function summary(queue: string, { id, task, record }: DeadLetter) {
  return {
    id,
    queue,
    task,
    reason: record?.reason,
    detail: record?.detail,
    deliveries: record?.deliveries,
    diedAt: record === undefined ? undefined : new Date(record.diedAt).toISOString(),
    worker: record?.worker,
  }
}
