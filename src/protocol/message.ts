/**
 * A message as every broker carries it: AMQP basic properties, application headers, body bytes.
 * Names of properties are AMQP's, camelCased here; adapters translate. Absent and null are the same thing.
 */
export interface Message {
  readonly headers: Headers
  readonly properties: Properties
  readonly body: Uint8Array
}

/**
 * Application headers. Values are what an AMQP field table can hold: null, boolean, number, bigint, string, bytes,
 * Date (second precision), arrays and objects of these. Keys are wire names (snake_case).
 */
export type Headers = Readonly<Record<string, unknown>>

export interface Properties {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly correlationId?: string
  readonly replyTo?: string
  /** 1 transient, 2 persistent. */
  readonly deliveryMode?: number
  /** 0–255; higher first, except on Redis (Kombu's order). */
  readonly priority?: number
  /** Milliseconds as decimal text: AMQP's per-message TTL. */
  readonly expiration?: string
  readonly messageId?: string
  /** Seconds since 1970. */
  readonly timestamp?: number
  readonly type?: string
  readonly userId?: string
  readonly appId?: string
  readonly clusterId?: string
}
