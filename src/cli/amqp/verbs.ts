import type { AmqpShell, TakenMessage } from '../../brokers/amqp/amqp-shell.js'
import { UsageError } from '../errors.js'
import { counted } from '../plural.js'

/** One verb of AMQP as it is typed. Names and order of arguments are those of `celery amqp`. */
export interface Verb {
  readonly name: string
  /** Required ones first; `[…]` may be left out. */
  readonly usage: string
  readonly does: string
  readonly required: number
  /** What happened, as data and as a line. */
  run(shell: AmqpShell, words: readonly string[]): Promise<Told>
}

export interface Told {
  readonly data: unknown
  readonly text: string
}

export const VERBS: readonly Verb[] = [
  {
    name: 'exchange.declare',
    usage: 'exchange type [passive] [durable] [auto_delete]',
    does: 'Declare an exchange; passive: only ask for it.',
    required: 2,
    run: async (shell, [exchange = '', type = '', passive, durable, autoDelete]) => {
      if (yes(passive)) await shell.lookAtExchange(exchange)
      else await shell.declareExchange(exchange, type, yes(durable), yes(autoDelete))
      return ok({ exchange })
    },
  },
  {
    name: 'exchange.delete',
    usage: 'exchange [if_unused]',
    does: 'Delete an exchange.',
    required: 1,
    run: async (shell, [exchange = '', ifUnused]) => {
      await shell.deleteExchange(exchange, yes(ifUnused))
      return ok({ exchange })
    },
  },
  {
    name: 'queue.declare',
    usage: 'queue [passive] [durable] [exclusive] [auto_delete]',
    does: 'Declare a queue; passive: only ask for it.',
    required: 1,
    run: async (shell, [queue = '', passive, durable, exclusive, autoDelete]) => {
      const flags = { durable: yes(durable), exclusive: yes(exclusive), autoDelete: yes(autoDelete) }
      const { messages, consumers } = yes(passive)
        ? await shell.lookAtQueue(queue)
        : await shell.declareQueue(queue, flags)
      return {
        data: { queue, messages, consumers },
        text: `ok. queue:${queue} messages:${messages} consumers:${consumers}.`,
      }
    },
  },
  {
    name: 'queue.bind',
    usage: 'queue exchange [routing_key]',
    does: 'Bind a queue to an exchange.',
    required: 2,
    run: async (shell, [queue = '', exchange = '', routingKey = '']) => {
      await shell.bindQueue(queue, exchange, routingKey)
      return ok({ queue, exchange, routingKey })
    },
  },
  {
    name: 'queue.unbind',
    usage: 'queue exchange [routing_key]',
    does: 'Take a binding away.',
    required: 2,
    run: async (shell, [queue = '', exchange = '', routingKey = '']) => {
      await shell.unbindQueue(queue, exchange, routingKey)
      return ok({ queue, exchange, routingKey })
    },
  },
  {
    name: 'queue.delete',
    usage: 'queue [if_unused] [if_empty]',
    does: 'Delete a queue with what is in it.',
    required: 1,
    run: async (shell, [queue = '', ifUnused, ifEmpty]) => {
      return dropped(queue, await shell.deleteQueue(queue, yes(ifUnused), yes(ifEmpty)))
    },
  },
  {
    name: 'queue.purge',
    usage: 'queue',
    does: 'Drop the ready messages of a queue.',
    required: 1,
    run: async (shell, [queue = '']) => dropped(queue, await shell.purge(queue)),
  },
  {
    name: 'basic.publish',
    usage: 'message exchange routing_key [mandatory]',
    does: 'Publish a text, confirmed; mandatory: to at least one queue.',
    required: 3,
    run: async (shell, [text = '', exchange = '', routingKey = '', mandatory]) => {
      const properties = { contentType: 'text/plain', contentEncoding: 'utf-8', deliveryMode: 2 }
      const message = { headers: {}, properties, body: Buffer.from(text, 'utf8') }
      await shell.publish(message, exchange, routingKey, yes(mandatory))
      return ok({ exchange, routingKey })
    },
  },
  {
    name: 'basic.get',
    usage: 'queue [no_ack]',
    does: 'Take one message; without no_ack it goes back when the shell ends, unless it is acknowledged.',
    required: 1,
    run: async (shell, [queue = '', noAck]) => {
      const found = await shell.get(queue)
      if (found === undefined) return { data: null, text: 'ok. The queue is empty.' }
      if (yes(noAck)) await shell.ack(found.tag)
      const data = shown(found)
      return { data, text: JSON.stringify(data, undefined, 2) }
    },
  },
  {
    name: 'basic.ack',
    usage: 'delivery_tag',
    does: 'Acknowledge a message taken in this shell.',
    required: 1,
    run: async (shell, [tag = '']) => {
      const number = Number(tag)
      if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`'${tag}' is no delivery tag.`)
      await shell.ack(number)
      return ok({ tag: number })
    },
  },
]

export function verbNamed(name: string): Verb {
  const verb = VERBS.find(each => each.name === name)
  if (verb === undefined)
    throw new UsageError(`There is no verb '${name}'. There are: ${VERBS.map(each => each.name).join(', ')}.`)
  return verb
}

/** Checks the number of words, then does it. */
export async function runVerb(shell: AmqpShell, [name = '', ...words]: readonly string[]): Promise<Told> {
  const verb = verbNamed(name)
  const most = verb.usage.split(' ').length
  if (words.length < verb.required || words.length > most) {
    throw new UsageError(`Write: ${verb.name} ${verb.usage}`)
  }
  return await verb.run(shell, words)
}

function yes(word: string | undefined): boolean {
  switch ((word ?? 'no').toLowerCase()) {
    case 'yes':
    case 'true':
    case 'on':
    case '1':
      return true
    case 'no':
    case 'false':
    case 'off':
    case '0':
      return false
    default:
      throw new UsageError(`'${word}' is neither yes nor no.`)
  }
}

function ok(data: unknown): Told {
  return { data, text: 'ok.' }
}

function dropped(queue: string, messages: number): Told {
  return { data: { queue, messages }, text: `ok. ${counted(messages, 'message')} deleted.` }
}

function shown({ tag, redelivered, exchange, routingKey, message }: TakenMessage): Readonly<Record<string, unknown>> {
  const { headers, properties, body } = message
  return {
    deliveryTag: tag,
    redelivered,
    exchange,
    routingKey,
    properties,
    headers,
    body: Buffer.from(body).toString('utf8'),
  }
}
