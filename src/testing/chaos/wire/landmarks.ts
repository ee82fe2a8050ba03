import type { Landmark } from './landmark.js'

/** The landmarks that most tests are about; `nth` counts from when the landmark is set. */
export const landmarks = {
  /** AMQP: a publish, with all its content, has been passed on; the confirm has not come. */
  afterPublish: (nth = 1): Landmark => ({ direction: 'up', name: 'basic.publish', nth, side: 'after' }),
  /** AMQP: the broker has taken a message, and the client does not hear it. */
  beforeConfirm: (nth = 1): Landmark => ({ direction: 'down', name: 'basic.ack', nth, side: 'before' }),
  /** AMQP: the broker has handed out a message that does not arrive. */
  beforeDelivery: (nth = 1): Landmark => ({ direction: 'down', name: 'basic.deliver', nth, side: 'before' }),
  /** AMQP: a consumer's ack does not arrive. */
  beforeAck: (nth = 1): Landmark => ({ direction: 'up', name: 'basic.ack', nth, side: 'before' }),
  /** Redis: a command was carried out, and its reply does not arrive. A pattern has to match the whole name. */
  beforeReply: (command: string | RegExp, nth = 1, text?: string | RegExp): Landmark => ({
    direction: 'down',
    name: typeof command === 'string' ? `reply:${command}` : new RegExp(`^reply:(?:${command.source})$`),
    nth,
    side: 'before',
    ...(text === undefined ? {} : { text }),
  }),
  /** PostgreSQL: a command was carried out, and the client does not hear it. `tag`: `COMMIT`, `INSERT`, `UPDATE`. */
  beforeComplete: (tag: string, nth = 1): Landmark => ({
    direction: 'down',
    name: 'CommandComplete',
    text: new RegExp(`^${tag}\\b`),
    nth,
    side: 'before',
  }),
} as const
