import { ConfigError } from '../lib/errors.js'
import type { EpochMs } from '../lib/time.js'
import type { Codec, Encoded } from './codec.js'
import { encodedBody } from './decode-task.js'
import { BODY_PARTS } from './encode-task.js'
import { EncodeError } from './errors.js'
import { formatIso } from './iso8601.js'
import type { Message } from './message.js'
import { argsrepr, kwargsrepr } from './python-repr.js'
import type { TaskRequest } from './request.js'
import type { Kwargs } from './signature.js'
import { withoutDeliveryHeaders } from './task-headers.js'

/** What changes from one attempt to the next. Absent arguments stay as they were. */
export interface NextAttempt {
  readonly retries: number
  readonly eta: EpochMs
  readonly args?: readonly unknown[] | undefined
  readonly kwargs?: Kwargs | undefined
}

/**
 * The message of the next attempt: the same id and protocol, everything kept (D50), headers and members nobody knows
 * included; unchanged arguments and embed byte for byte. Left out are only what concerned one delivery, and
 * `ignore_result`, which goes back to the task's own option. The parent stays as it was (Celery puts the task itself there
 * when it had none). Source: celery/app/task.py `signature_from_request`, `Context.as_execution_options`.
 */
export function encodeRetry(request: TaskRequest, next: NextAttempt, codec: Codec): Message {
  const { message } = request
  const headers = withoutDeliveryHeaders(message.headers)
  const isFlat = request.protocol === 2 || 'task' in headers
  if (isFlat) Object.assign(headers, changedFields(next), { ignore_result: null }, changedReprs(next))
  const sameBody = request.protocol === 2 && next.args === undefined && next.kwargs === undefined
  if (sameBody) return { headers, properties: message.properties, body: message.body }
  const { contentType, contentEncoding, compression, body } = nextBody(request, next, codec)
  if (compression === undefined) delete headers['compression']
  else headers['compression'] = compression
  return { headers, properties: { ...message.properties, contentType, contentEncoding }, body }
}

function changedFields(next: NextAttempt): { readonly eta: string; readonly retries: number } {
  return { eta: formatIso(next.eta), retries: next.retries }
}

function changedReprs(next: NextAttempt): Readonly<Record<string, string>> {
  return {
    ...(next.args === undefined ? undefined : { argsrepr: argsrepr(next.args) }),
    ...(next.kwargs === undefined ? undefined : { kwargsrepr: kwargsrepr(next.kwargs) }),
  }
}

function nextBody(request: TaskRequest, next: NextAttempt, codec: Codec): Encoded {
  const encoded = encodedBody(request.message)
  const decoded = codec.decode(encoded, { exact: true })
  if (decoded.kind === 'undecodable') {
    throw new EncodeError('', `the body of ${request.task}[${request.id}] can no longer be read: ${decoded.detail}`)
  }
  const value = request.protocol === 2 ? nextList(decoded.value, next) : nextObject(decoded.value, next)
  return encodeLike(encoded, value, codec)
}

/** In the serializer and compression it came in; plain JSON when those can only be read. */
function encodeLike({ contentType, compression }: Encoded, value: unknown, codec: Codec): Encoded {
  const names = Array.isArray(value) ? BODY_PARTS : undefined
  try {
    return codec.encode(value, { serializer: contentType, compression, names })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return codec.encode(value, { serializer: 'json', names })
  }
}

// Both casts: decodeTask has found exactly these shapes in the same bytes.
function nextList(body: unknown, next: NextAttempt): readonly unknown[] {
  const [args, kwargs, embed] = body as readonly unknown[]
  return [next.args ?? args, next.kwargs ?? kwargs, embed]
}

function nextObject(body: unknown, next: NextAttempt): Readonly<Record<string, unknown>> {
  return {
    ...(body as Readonly<Record<string, unknown>>),
    ...changedFields(next),
    ...(next.args === undefined ? undefined : { args: next.args }),
    ...(next.kwargs === undefined ? undefined : { kwargs: next.kwargs }),
  }
}
