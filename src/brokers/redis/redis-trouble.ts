import { RedisError } from '../../drivers/errors.js'
import { ConfigError } from '../../lib/errors.js'
import { BrokerError, NotSentError, PublishUnknownError, RejectedByBrokerError } from '../errors.js'

/** What the port says when Redis failed; other errors pass through. */
export function brokerTrouble(error: unknown): unknown {
  if (!(error instanceof RedisError)) return error
  return new BrokerError(error.code, error.message, { cause: error, transient: error.transient })
}

/** The same, for what must be a broker's error. */
export function lossTrouble(error: unknown): BrokerError {
  const trouble = brokerTrouble(error)
  if (trouble instanceof BrokerError) return trouble
  const code = trouble instanceof ConfigError ? trouble.code : 'LVG_BROKER_FAILED'
  const message = trouble instanceof Error ? trouble.message : String(trouble)
  return new BrokerError(code, message, { cause: trouble, transient: !(trouble instanceof ConfigError) })
}

/** What became of a publish that failed (D06). A script does all or, of one message, nothing. */
export function publishError(error: unknown): unknown {
  if (!(error instanceof RedisError)) return error
  const { code, transient } = error
  const options = { cause: error, transient }
  switch (error.redis) {
    case 'FULL':
    case 'UNWRITABLE':
    case 'DENIED':
    case 'WRONG_TYPE':
      return new RejectedByBrokerError(code, `The message was not accepted. ${error.message}`, options)
    case 'LOST':
    case 'SILENT':
      return new PublishUnknownError(code, `The message was sent, but not answered. ${error.message}`, options)
    case 'ERROR':
      return new PublishUnknownError(code, error.message, options)
    default:
      return new NotSentError(code, `The message was not accepted. ${error.message}`, options)
  }
}

/** What a script says of a message that was refused. */
export function refusal(url: string, wrong: string): RedisError {
  const code = /WRONGTYPE/.test(wrong)
    ? 'WRONG_TYPE'
    : /OOM/.test(wrong)
      ? 'FULL'
      : /NOPERM/.test(wrong)
        ? 'DENIED'
        : 'ERROR'
  return new RedisError(code, `While publishing, Redis at ${url} failed: ${wrong}.`)
}
