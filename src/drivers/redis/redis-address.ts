import type { Ms } from '../../lib/time.js'

/** Where a Redis is and how to come in. Nothing here has been tried yet. */
export interface RedisAddress {
  /** As shown to people: passwords masked. */
  readonly url: string
  readonly at: RedisPlace
  readonly db: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: RedisTls | undefined
  /** Shown in the server's list of clients; undefined = whoever connects names itself. */
  readonly clientName: string | undefined
  /** From the first packet to the last answer of logging in. */
  readonly connectTimeoutMs: Ms
  /** Longest wait for an answer before the connection counts as lost (D86). */
  readonly answerTimeoutMs: Ms
  /** TCP keep-alive. */
  readonly keepAlive: boolean
}

export type RedisPlace =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string }
  | RedisSentinels

/** The present master is asked for at every connecting. */
export interface RedisSentinels {
  readonly kind: 'sentinel'
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  /** Transport option `masterName`. */
  readonly master: string
  /** Transport option `minOtherSentinels`. */
  readonly minOthers: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: RedisTls | undefined
}

/** Files are read at every connecting, so that a renewed certificate is used without a restart. */
export interface RedisTls {
  /** False: whoever answers is believed. */
  readonly verify: boolean
  readonly checkHost: boolean
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
  readonly keyPassword: string | undefined
  readonly serverName: string | undefined
}
