import { noopApp } from '../noop-app.js'
import { loadAmqplib } from '../peers/amqplib.js'
import { BENCH_QUEUE, rabbitPlace } from '../places.js'
import type { Contestant } from '../row.js'
import { AMQP_URL } from '../servers.js'
import { type Publishing, publishing } from './publishing.js'

/** A message that Lovage has sent, again and again, to a queue of its own, each time waiting for the confirm. */
export async function amqplibPublish(how: Publishing): Promise<Contestant> {
  const connection = await loadAmqplib().connect(AMQP_URL, { noDelay: true })
  const channel = await connection.createConfirmChannel()
  const { content, properties } = await sample(channel)
  const queue = `${BENCH_QUEUE}-bare`
  await channel.assertQueue(queue, { durable: true })
  const send = (): Promise<void> =>
    new Promise((resolve, reject) => {
      channel.sendToQueue(queue, content, { ...properties, mandatory: true }, error =>
        error ? reject(error) : resolve(),
      )
    })
  return {
    name: 'amqplib, confirmed',
    run: () =>
      publishing(how, async () => {
        for (let i = 0; i < how.tasks; i++) await send()
      }),
    async [Symbol.asyncDispose]() {
      await channel.deleteQueue(queue)
      await connection.close()
    },
  }
}

type Channel = Awaited<
  ReturnType<Awaited<ReturnType<ReturnType<typeof loadAmqplib>['connect']>>['createConfirmChannel']>
>

async function sample(channel: Channel): Promise<{ readonly content: Buffer; readonly properties: object }> {
  const queue = `${BENCH_QUEUE}-sample`
  const { app, noop } = noopApp({ ...rabbitPlace().settings, taskDefaultQueue: queue, taskIgnoreResult: true })
  await noop.delay(1, 2)
  await app[Symbol.asyncDispose]()
  const message = await channel.get(queue, { noAck: true })
  await channel.deleteQueue(queue)
  await channel.deleteExchange(queue)
  if (message === false) throw new Error('The sample message is not there.')
  return message
}
