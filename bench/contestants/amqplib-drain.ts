import { Meter } from '../meter.js'
import { noopApp, publish } from '../noop-app.js'
import { loadAmqplib } from '../peers/amqplib.js'
import { BENCH_QUEUE, rabbitPlace } from '../places.js'
import type { Contestant } from '../row.js'
import { AMQP_URL } from '../servers.js'
import type { Drain } from './drain.js'

/** The smallest worker there can be: receive, decode, call, ack; one ack for all that one turn of the loop brought. */
export function amqplibDrain({ tasks }: Drain, prefetch: number): Contestant {
  const place = rabbitPlace()
  return {
    name: 'amqplib, bare',
    run: async () => {
      await place.empty()
      const bench = noopApp({ ...place.settings, taskIgnoreResult: true })
      await publish(bench, tasks)
      await bench.app[Symbol.asyncDispose]()
      const meter = new Meter(tasks)
      const noop = (_a: number, _b: number): void => meter.ran()
      const connection = await loadAmqplib().connect(AMQP_URL, { noDelay: true })
      const channel = await connection.createChannel()
      await channel.prefetch(prefetch)
      let due = false
      await channel.consume(BENCH_QUEUE, message => {
        if (message === null || message.properties.headers?.['task'] !== 'bench.noop') return
        const [[a, b]] = JSON.parse(message.content.toString()) as [[number, number]]
        noop(a, b)
        if (due) return
        due = true
        setImmediate(() => {
          due = false
          channel.ackAll()
        })
      })
      const sample = await meter.done
      // The last turn's ack goes first.
      await new Promise(resolve => setImmediate(resolve))
      await connection.close()
      return sample
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}
