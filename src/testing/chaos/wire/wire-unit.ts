/** Which way bytes go: `up` from the client to the server, `down` back. */
export type Direction = 'up' | 'down'

/** What is spoken on a connection, as far as landmarks need it understood. */
export type Wire = 'amqp' | 'resp' | 'postgresql'

/** One thing said on a connection: a method, a command, a reply, a message of the protocol. */
export interface WireUnit {
  readonly direction: Direction
  /**
   * AMQP: `basic.publish` with its content, `heartbeat`, `protocol-header`. RESP: the command in capitals, `EVALSHA`; its reply,
   * `reply:EVALSHA`; what nobody asked for, `push:message`. PostgreSQL: the message's name, `Query`, `CommandComplete`.
   */
  readonly name: string
  /**
   * AMQP: exchange and routing key of a publish, else empty. RESP: the arguments, those of a script with its source before them
   * where the source has passed by. PostgreSQL: the SQL, the name of a statement, the tag of what is complete (`COMMIT`).
   */
  readonly text: string
}

/** Bytes to be passed on in one go. */
export interface WirePiece {
  readonly bytes: Buffer
  /** The unit whose first byte is the first of these. */
  readonly begins?: WireUnit
  /** The unit whose last byte is the last of these. */
  readonly ends?: WireUnit
}

/** Cuts the two streams of one connection into pieces. What is not understood is passed on as it comes. */
export interface WireScanner {
  /** The pieces that are whole now, in order; an unfinished one is kept until its rest comes. */
  feed(direction: Direction, bytes: Buffer): readonly WirePiece[]
}
