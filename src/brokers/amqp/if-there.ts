import type { AmqpError } from '../../drivers/amqp/amqp-error.js'

/** Undefined when the broker has no such thing. */
export async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if ((error as AmqpError).reply === 404) return undefined
    throw error
  }
}
