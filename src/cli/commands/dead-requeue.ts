import type { Connection } from '../../brokers/broker.js'
import type { App } from '../../index.js'
import type { ResultBackend } from '../../ports.js'
import { deadQueue } from '../../protocol/dead-letter.js'
import { queueName, taskId } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { confirm } from '../confirm.js'
import { withConnection } from '../connection.js'
import { type DeadLetter, eachDeadLetter, noSuchLetter } from '../dead-letters.js'
import { EXIT } from '../exit-code.js'
import type { Io } from '../io.js'
import { flag } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

export const deadRequeue: Command = defineCommand({
  name: 'requeue',
  summary: 'Put dead letters back into their queue.',
  description:
    'Publishes one dead letter, or all of a queue, to the queue again, with the same id and a fresh count of deliveries, and removes it from the dead-letter place once the broker has it. When the task already has a final state (SUCCESS, FAILURE, REVOKED) it asks first: running it again may replace that state.',
  arguments: [
    { name: 'queue', description: 'The queue it was in.', required: true },
    { name: 'id', description: 'Its id. Default: all of the queue.', required: false },
  ],
  options: { force: flag('-f, --force', 'Also those with a final state, without asking.') },
  examples: [
    { line: 'lovage dead requeue celery 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts', does: 'One message.' },
    { line: 'lovage dead requeue celery --force -A tasks.ts', does: 'All of the queue, whatever their state.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp()
    const queue = queueName(context.arguments['queue']?.[0] ?? '')
    const id = context.arguments['id']?.[0]
    const backend = await app.backend()
    const requeued: string[] = []
    const skipped: { readonly id: string; readonly state: string }[] = []
    let seen = 0
    await withConnection(app, io, async connection => {
      await connection.declare({ queues: [app.queues.resolve(queue)] })
      const present = (await connection.stats(deadQueue(queue))).ready
      await eachDeadLetter(connection, queue, async letter => {
        // What dies again meanwhile comes in behind: do not follow it for ever.
        if (seen === present) return 'enough'
        seen++
        if (id !== undefined && letter.id !== id) return 'kept'
        const state = await finalState(backend, letter)
        if (state !== undefined && !options.force && !(await allowed(io, letter, state))) {
          skipped.push({ id: letter.id, state })
        } else {
          await requeue(connection, app, letter)
          requeued.push(letter.id)
          return 'settled'
        }
        return id === undefined ? 'kept' : 'enough'
      })
    })
    if (id !== undefined && requeued.length === 0 && skipped.length === 0) throw noSuchLetter(queue, id)
    report(context, requeued, skipped)
    return skipped.length === 0 ? EXIT.ok : EXIT.error
  },
})

const FINAL: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED'])

async function finalState(backend: ResultBackend | undefined, letter: DeadLetter): Promise<string | undefined> {
  if (letter.task === undefined) return undefined
  const meta = await backend?.fetch(taskId(letter.id))
  return meta !== undefined && FINAL.has(meta.status) ? meta.status : undefined
}

async function allowed(io: Io, letter: DeadLetter, state: string): Promise<boolean> {
  if (!io.isTty.stdin) return false
  return await confirm(io, `Task ${outside(letter.id)} already has the state ${state}. Run it again?`, '--force')
}

/** Publish, confirmed, then ack: a crash in between repeats the publish under the same publish id. */
async function requeue(connection: Connection, app: App, letter: DeadLetter): Promise<void> {
  const { record, delivery } = letter
  const queue = app.queues.resolve(record?.queue ?? delivery.queue.replace(/\.dead$/, ''))
  await connection.publish(
    withoutCount(letter.message),
    { exchange: '', routingKey: queue.name },
    { publishId: `requeue:${letter.id}:${record?.diedAt ?? delivery.claim}` },
  )
  await delivery.ack()
}

/** The headers in which brokers count deliveries. */
const COUNTS: ReadonlySet<string> = new Set([
  'x-delivery-count',
  'x-death',
  'x-first-death-exchange',
  'x-first-death-queue',
  'x-first-death-reason',
])

function withoutCount(message: Message): Message {
  const headers = Object.fromEntries(Object.entries(message.headers).filter(([name]) => !COUNTS.has(name)))
  return { ...message, headers }
}

function report(
  context: CommandContext,
  requeued: readonly string[],
  skipped: readonly { readonly id: string; readonly state: string }[],
): void {
  context.out.result({ requeued, skipped }, () => [
    `Requeued ${counted(requeued.length, 'dead letter')}.`,
    ...skipped.map(
      ({ id, state }) => `Left ${outside(id)}: it has the state ${state} (--force requeues it all the same).`,
    ),
  ])
}
