import type { Ms } from '../../lib/time.js'

/** Where a connection goes and how it gets in. */
export interface AmqpTarget {
  readonly host: string
  readonly port: number
  readonly vhost: string
  readonly login: AmqpLogin
  /** Absent: plain TCP. A TLS target never talks plain text, whatever the server answers (S41). */
  readonly tls: AmqpTls | undefined
  /** Seconds offered; 0 = none. The smaller non-zero one of ours and the server's counts. */
  readonly heartbeat: number
  /** For the whole of it: name lookup, TCP, TLS, AMQP's handshake. */
  readonly timeout: Ms
}

export type AmqpLogin =
  | { readonly method: 'PLAIN' | 'AMQPLAIN'; readonly user: string; readonly password: string }
  /** The client certificate says who we are. */
  | { readonly method: 'EXTERNAL' }

/** Files are read at every connect, so replaced certificates count from the next one on (S42). */
export interface AmqpTls {
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
  /** Of an encrypted key. */
  readonly passphrase: string | undefined
  /** Certificate chain and host name are checked. */
  readonly verify: boolean
  /** Name the certificate must be for, instead of the host's. */
  readonly serverName: string | undefined
  readonly ciphers: string | undefined
}
