import { openBroker } from '../../app/transports.js'
import type { App } from '../../index.js'
import type { Broker, Connection, Delivery, EpochMs, Queue } from '../../ports.js'
import { queueName } from '../../protocol/ids.js'
import { parseIso } from '../../protocol/iso8601.js'
import { type Command, type CommandContext, defineCommand } from '../command.js'
import { EXIT } from '../exit-code.js'
import { duration, flag, integer, list } from '../option.js'
import { outside } from '../output.js'
import { counted } from '../plural.js'

/** Taken, published and acked together. */
const BATCH = 100
/** With --forever the source is looked at this often. */
const FOREVER_PAUSE = 1000

export const migrate: Command = defineCommand({
  name: 'migrate',
  summary: 'Move messages from one broker to another.',
  description:
    'Moves the messages of queues from the source to the queues of the same names at the destination, which are declared there. Each is published and confirmed before it is acknowledged at the source, so none is lost; one may be there twice when this process dies in between. Bodies, ids, headers, properties, priorities and etas stay as they are. Delayed messages go along where the source lets them be taken out; what stays behind is told. Messages that workers hold are not touched.',
  arguments: [
    { name: 'source', description: 'URL of the broker to take from.', required: true },
    { name: 'destination', description: 'URL of the broker to give to.', required: true },
  ],
  options: {
    queues: list(
      '-Q, --queues <names>',
      'Only these queues. Default: all that the source can list, else those the app declares.',
    ),
    limit: integer('-n, --limit <number>', 'Move at most so many.'),
    timeout: duration('-t, --timeout <span>', 'Give up connecting after this. Default 10 s.'),
    forever: flag('-F, --forever', 'Go on, and move what comes in, until interrupted.'),
  },
  examples: [
    { line: 'lovage migrate sqlite:///lovage.db postgres://app@db/app', does: 'Everything that waits.' },
    { line: 'lovage migrate amqp:// postgres://app@db/app -Q mail --forever', does: 'One queue, until Ctrl-C.' },
  ],
  run: async (context, options, io) => {
    const { app } = await context.loadApp({ flags: { brokerUrl: context.arguments['source']?.[0] ?? '' } })
    const { runtime, settings } = app
    await using target = await openBroker(context.arguments['destination']?.[0] ?? '', { runtime, settings })
    const timeout = options.timeout ?? 10_000
    await using source = await connected(app, await app.broker('read'), timeout, io.signal)
    await using destination = await connected(app, target, timeout, io.signal)
    const move = new Move({
      app,
      source,
      destination,
      target,
      limit: options.limit ?? Number.POSITIVE_INFINITY,
    })
    do {
      for (const queue of await queuesOf(app, source, options.queues)) await move.queue(queue, io.signal)
      if (!options.forever || move.left === 0) break
      await runtime.clock.sleep(FOREVER_PAUSE, io.signal).catch(() => undefined)
    } while (!io.signal.aborted)
    return report(context, move)
  },
})

interface MoveParts {
  readonly app: App
  readonly source: Connection
  readonly destination: Connection
  readonly target: Broker
  readonly limit: number
}

interface Waiting {
  readonly delivery: Delivery
  readonly notBefore: EpochMs | undefined
}

/** Moves queue after queue, and counts. */
class Move {
  readonly moved = new Map<string, number>()
  /** Delayed messages that the source did not give. */
  readonly stayed = new Map<string, number>()
  readonly #parts: MoveParts
  left: number

  constructor(parts: MoveParts) {
    this.#parts = parts
    this.left = parts.limit
  }

  async queue(queue: Queue, signal: AbortSignal): Promise<void> {
    const { source, destination } = this.#parts
    if (this.left === 0) return
    await destination.declare({ queues: [queue] })
    // What is published to the source meanwhile comes in behind, perhaps for ever: that is what --forever is for.
    const { ready, delayed } = await source.stats(queue.name)
    await this.#drain(queue, ready, signal, async limit =>
      (await source.get(queue.name, limit)).map(delivery => ({ delivery, notBefore: etaOf(delivery) })),
    )
    if (delayed > 0 && source.getDelayed !== undefined) {
      await this.#drain(queue, delayed, signal, async limit => (await source.getDelayed?.(queue.name, limit)) ?? [])
    }
    const after = await source.stats(queue.name)
    if (after.delayed > 0) this.stayed.set(queue.name, after.delayed)
    else this.stayed.delete(queue.name)
  }

  async #drain(
    queue: Queue,
    present: number,
    signal: AbortSignal,
    take: (limit: number) => Promise<readonly Waiting[]>,
  ): Promise<void> {
    for (let rest = present; rest > 0 && this.left > 0 && !signal.aborted; ) {
      const batch = await take(Math.min(BATCH, rest, this.left))
      if (batch.length === 0) return
      rest -= batch.length
      this.left -= batch.length
      await this.#carry(queue, batch)
    }
  }

  /** Confirmed there before it is acked here. What was not goes back as it was, and the error ends it all. */
  async #carry(queue: Queue, batch: readonly Waiting[]): Promise<void> {
    const { app, destination, target } = this.#parts
    const fates = await Promise.allSettled(
      batch.map(({ delivery, notBefore }) =>
        destination.publish(
          delivery.message,
          { exchange: '', routingKey: queue.name },
          {
            publishId: app.publishIds.draw(),
            ...(target.features.delays && notBefore !== undefined && { notBefore }),
          },
        ),
      ),
    )
    const now = app.runtime.clock.now()
    await Promise.all(
      batch.map(({ delivery, notBefore }, i) => {
        if (fates[i]?.status === 'fulfilled') return delivery.ack()
        const delay = notBefore === undefined ? 0 : Math.max(0, notBefore - now)
        return delivery.requeue({ counted: false, ...(delay > 0 && { delay }) })
      }),
    )
    const carried = fates.filter(fate => fate.status === 'fulfilled').length
    this.moved.set(queue.name, (this.moved.get(queue.name) ?? 0) + carried)
    const failed = fates.find(fate => fate.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
}

async function connected(app: App, broker: Broker, timeout: number, signal: AbortSignal): Promise<Connection> {
  const { host, clock } = app.runtime
  const late = new AbortController()
  using _timer = clock.timer(timeout, () =>
    late.abort(new Error(`No connection to ${broker.url} within ${timeout} ms.`)),
  )
  return await broker.connect({ name: `lovage${host.pid}@${host.name}` }, AbortSignal.any([signal, late.signal]))
}

async function queuesOf(
  app: App,
  source: Connection,
  wanted: readonly string[] | undefined,
): Promise<readonly Queue[]> {
  if (wanted !== undefined) return wanted.map(name => app.queues.resolve(name))
  const listed = await source.list()
  if (listed.length === 0) return app.queues.declared
  return listed.map(
    row => app.queues.declared.find(queue => queue.name === row.queue) ?? { name: queueName(row.queue) },
  )
}

/** Of a task that waits in an ordinary queue: brokers that keep delays get it as one. */
function etaOf(delivery: Delivery): EpochMs | undefined {
  const eta = delivery.message.headers['eta']
  return typeof eta === 'string' ? parseIso(eta) : undefined
}

function report(context: CommandContext, move: Move): (typeof EXIT)[keyof typeof EXIT] {
  const queues = [...move.moved].map(([queue, messages]) => ({ queue, messages }))
  const stayed = [...move.stayed].map(([queue, messages]) => ({ queue, messages }))
  const total = queues.reduce((sum, each) => sum + each.messages, 0)
  context.out.result({ messages: total, queues, delayedLeft: stayed }, () => [
    `Moved ${counted(total, 'message')}.`,
    ...queues.map(({ queue, messages }) => `  ${outside(queue)}: ${messages}`),
    ...stayed.map(({ queue, messages }) => `Left ${counted(messages, 'delayed message')} in ${outside(queue)}.`),
  ])
  return stayed.length === 0 ? EXIT.ok : EXIT.error
}
