import { pythonTextRepr } from '../protocol/python-text-repr.js'

/** What a reply says of an error; Celery's clients show it as it is. */
export interface ErrorReply {
  readonly error: string
}

const MAX_LENGTH = 8192

/** `{"error": "KeyError('nosuch')"}`: any error as Python would print it. */
export function errorReply(error: unknown): ErrorReply {
  const { name, message } = error instanceof Error ? error : { name: 'Exception', message: String(error) }
  return { error: `${name}(${message === '' ? '' : pythonTextRepr(message.slice(0, MAX_LENGTH))})` }
}
