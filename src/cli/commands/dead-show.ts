import { queueName } from '../../protocol/ids.js'
import { type Command, defineCommand } from '../command.js'
import { withConnection } from '../connection.js'
import { type DeadLetter, eachDeadLetter, noSuchLetter } from '../dead-letters.js'
import { EXIT } from '../exit-code.js'
import { outside } from '../output.js'

export const deadShow: Command = defineCommand({
  name: 'show',
  summary: 'Show one dead letter in full.',
  description: 'Shows why and when a message died, its headers and properties, and its body as text where it is text.',
  arguments: [
    { name: 'queue', description: 'The queue it was in.', required: true },
    { name: 'id', description: 'Its id, as lovage dead list shows it.', required: true },
  ],
  options: {},
  examples: [
    {
      line: 'lovage dead show celery 8f511516-e2f5-4da4-9d2f-0fb83a86e500 -A tasks.ts',
      does: 'Everything known of one message.',
    },
  ],
  run: async (context, _options, io) => {
    const { app } = await context.loadApp()
    const queue = queueName(context.arguments['queue']?.[0] ?? '')
    const id = context.arguments['id']?.[0] ?? ''
    const found = await withConnection(app, io, async connection => {
      let letter: ReturnType<typeof whole> | undefined
      await eachDeadLetter(connection, queue, async each => {
        if (each.id !== id) return 'kept'
        letter = whole(each)
        return 'enough'
      })
      return letter
    })
    if (found === undefined) throw noSuchLetter(queue, id)
    context.out.result(found, () =>
      Object.entries(found).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${outside(value)}`])),
    )
    return EXIT.ok
  },
})

function whole({ id, task, record, message }: DeadLetter) {
  const text = bodyText(message.body)
  return {
    id,
    task,
    reason: record?.reason,
    detail: record?.detail,
    queue: record?.queue,
    exchange: record?.exchange,
    routingKey: record?.routingKey,
    deliveries: record?.deliveries,
    firstSeen: record?.firstSeen === undefined ? undefined : new Date(record.firstSeen).toISOString(),
    diedAt: record === undefined ? undefined : new Date(record.diedAt).toISOString(),
    worker: record?.worker,
    headers: message.headers,
    properties: message.properties,
    ...(text === undefined ? { bodyBase64: message.body } : { body: text }),
  }
}

function bodyText(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return undefined
  }
}
