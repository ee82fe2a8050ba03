import type { Ms } from '../lib/time.js'

/**
 * Bounds of what is read and written. Checked before the expensive step they protect: a message beyond one of them is
 * dead-lettered, a value beyond one of them is refused at the sender.
 */
export interface Limits {
  /** L01: body as it travels, bytes. Default 16 MiB, at most 128 MiB. */
  readonly messageBytes: number
  /** L02: body after decompression, bytes. Default 64 MiB. */
  readonly bodyBytes: number
  /** L04: levels of arrays and objects within each other. Default 512. */
  readonly depth: number
  /** L04: values in one body, containers included. Default 2,000,000. */
  readonly values: number
  /** L05: application headers of one message. Default 256. */
  readonly headers: number
  /** L05: their keys and values together, bytes. Default 128 KiB. */
  readonly headerBytes: number
  /** L07: signatures in one message. Default 10,000. */
  readonly canvasNodes: number
  /** L07: signatures within each other. Default 128. */
  readonly canvasDepth: number
  /** L08: how far from now an eta or expiry may lie, either way. Default ten years. */
  readonly horizon: Ms
  /** L12: one stored result, bytes. Default 16 MiB. */
  readonly resultBytes: number
  /** L13: bytes of a traceback. Default 64 KiB. */
  readonly tracebackBytes: number
  /** L13: bytes of an exception's message. Default 8 KiB. */
  readonly exceptionBytes: number
  /** L13: characters of argsrepr and kwargsrepr. Default 1024, as Celery. */
  readonly reprLength: number
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  messageBytes: 16 * 1024 * 1024,
  bodyBytes: 64 * 1024 * 1024,
  depth: 512,
  values: 2_000_000,
  headers: 256,
  headerBytes: 128 * 1024,
  canvasNodes: 10_000,
  canvasDepth: 128,
  horizon: 3650 * 86_400_000,
  resultBytes: 16 * 1024 * 1024,
  tracebackBytes: 64 * 1024,
  exceptionBytes: 8 * 1024,
  reprLength: 1024,
})

/** L01's hard maximum: no setting may go beyond. */
export const MAX_MESSAGE_BYTES: number = 128 * 1024 * 1024

/** L06, fixed: AMQP's short string. */
export const MAX_NAME_BYTES = 255

/** L09, fixed: a signed 32 bit integer, as in the header of other implementations. */
export const MAX_RETRIES: number = 2 ** 31 - 1

/** M15, fixed: Python refuses to read longer integers. Source: sys.get_int_max_str_digits. */
export const MAX_INTEGER_DIGITS = 4300
