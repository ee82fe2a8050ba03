import type { Redis } from 'ioredis'
import { deferred } from '../../lib/deferred.js'
import { endOfTurn } from '../../lib/node-turn.js'
import type { Ms } from '../../lib/time.js'
import { RedisError } from '../errors.js'
import type { RedisScript } from './redis-script.js'
import { answerError } from './redis-trouble.js'

/** Bulk strings are Buffers, errors inside an array are `Error`s. */
export type RedisReply = Buffer | number | null | Error | readonly RedisReply[]

export type RedisArgument = string | Buffer | number

/** Why a connection ended: undefined = we closed it. */
export type RedisEnd = RedisError | undefined

export interface RedisConnectionOptions {
  /** As shown to people. */
  readonly url: string
  readonly answerTimeoutMs: Ms
}

type ClientCommand = new (
  name: string,
  args: readonly RedisArgument[],
  options: { readonly replyEncoding: null },
) => { readonly promise: Promise<unknown> }

/** How often waiting answers are looked at. */
const LOOK_MS: Ms = 1000

/**
 * One connection, logged in. It never heals itself: it ends once, and says why. Every call is answered or rejected with
 * `RedisError`; while answers are outstanding and nothing arrives for `answerTimeoutMs`, the connection is given up (D86).
 * It keeps its process alive only as `keepAlive` says, and while answers are outstanding.
 */
export class RedisConnection implements AsyncDisposable {
  readonly closed: Promise<RedisEnd>
  readonly url: string
  readonly #client: Redis
  readonly #Command: ClientCommand
  readonly #answerTimeoutMs: Ms
  readonly #ended = deferred<RedisEnd>()
  #end: { readonly why: RedisEnd } | undefined
  #outstanding = 0
  #kept = true
  #held = true
  /** The server knows no flags of scripts. */
  #plain = false
  /** Last time that something arrived, or that waiting began. */
  #movedAt: Ms = 0
  #lookedAt: Ms = 0
  #timer: NodeJS.Timeout | undefined
  #error: unknown

  constructor(client: Redis, Command: unknown, options: RedisConnectionOptions) {
    this.#client = client
    // The class of the package that made the client.
    this.#Command = Command as ClientCommand
    this.url = options.url
    this.#answerTimeoutMs = options.answerTimeoutMs
    this.closed = this.#ended.promise
    client.on('error', error => {
      this.#error = error
      // An answer that nobody waits for: the next question would get it, or another one (M42).
      if (/queue state error/i.test(String(error))) this.#over(this.#lostError(error))
    })
    client.on('end', () => {
      this.#over(this.#lostError())
      // Everything outstanding has been rejected by now, and whoever asked has heard so.
      endOfTurn(() => this.#ended.resolve(this.#end?.why))
    })
  }

  get open(): boolean {
    return this.#end === undefined
  }

  /** `doing` completes "while …". */
  call(doing: string, name: string, args: readonly RedisArgument[] = []): Promise<RedisReply> {
    if (this.#end !== undefined) return Promise.reject(this.#closedError(doing))
    const command = new this.#Command(name, args, { replyEncoding: null })
    this.#await()
    // It is a command of the client's own class.
    const answer = this.#client.sendCommand(command as never) as Promise<RedisReply>
    return answer.then(this.#answered, error => this.#failed(doing, error))
  }

  /** Runs a script by its name, or by its text where the server does not know it (any more). */
  async run(
    doing: string,
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<RedisReply> {
    const { text, sha1 } = this.#plain ? script : (script.drains ?? script)
    try {
      return await this.call(doing, 'evalsha', [sha1, keys.length, ...keys, ...args])
    } catch (error) {
      if (!isAnswer(error, /^NOSCRIPT/)) throw error
    }
    try {
      return await this.call(doing, 'eval', [text, keys.length, ...keys, ...args])
    } catch (error) {
      if (this.#plain || !isAnswer(error, /compiling script|shebang/i)) throw error
      // A server before version 7.
      this.#plain = true
      return this.run(doing, script, keys, args)
    }
  }

  /** All or nothing of what the server was sent: `MULTI` … `EXEC`. Rejects with the first command's error. */
  async transaction(
    doing: string,
    commands: readonly (readonly [string, ...RedisArgument[]])[],
  ): Promise<readonly RedisReply[]> {
    const sent = [
      this.call(doing, 'multi'),
      ...commands.map(([name, ...args]) => this.call(doing, name, args)),
      this.call(doing, 'exec'),
    ]
    const outcomes = await Promise.allSettled(sent)
    const failed = outcomes.find(outcome => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const last = outcomes.at(-1)
    const replies = last?.status === 'fulfilled' ? last.value : null
    if (!Array.isArray(replies))
      throw new RedisError('ERROR', `While ${doing}, Redis at ${this.url} did not answer EXEC.`)
    const wrong = replies.find(reply => reply instanceof Error)
    if (wrong !== undefined) throw answerError(doing, this.url, wrong)
    return replies
  }

  /** Hears messages of subscriptions: the channel, and for patterns the pattern too. */
  onMessage(hear: (channel: Buffer, message: Buffer, pattern: string | undefined) => void): void {
    this.#client.on('messageBuffer', (channel: Buffer, message: Buffer) => hear(channel, message, undefined))
    this.#client.on('pmessageBuffer', (pattern: string, channel: Buffer, message: Buffer) =>
      hear(channel, message, String(pattern)),
    )
  }

  /** Whether a connection without outstanding answers keeps its process alive. Default true. */
  keepAlive(on: boolean): void {
    this.#kept = on
    this.#hold()
  }

  /** The answer cannot be one to this question, nor then those behind it to theirs (M42): ends the connection. For throwing. */
  misfit(doing: string): RedisError {
    const error = new RedisError(
      'LOST',
      `While ${doing}, Redis at ${this.url} answered something else. The connection is given up; look at what stands between.`,
    )
    this.#over(error)
    return error
  }

  /** Ends it at once; what is outstanding is rejected with this reason. */
  lose(error: RedisError): void {
    this.#over(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over(undefined)
  }

  #hold(): void {
    const held = this.#kept || this.#outstanding > 0
    if (held === this.#held) return
    this.#held = held
    const stream = this.#client.stream as { ref?(): void; unref?(): void } | undefined
    if (held) stream?.ref?.()
    else stream?.unref?.()
  }

  #await(): void {
    if (this.#outstanding++ > 0) return
    this.#hold()
    this.#movedAt = performance.now()
    if (this.#timer !== undefined) return
    this.#lookedAt = this.#movedAt
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
    this.#timer.unref()
  }

  readonly #answered = (reply: RedisReply): RedisReply => {
    this.#settled()
    return reply
  }

  #settled(): void {
    this.#outstanding--
    if (this.#outstanding === 0) this.#hold()
    this.#movedAt = performance.now()
  }

  #failed(doing: string, error: unknown): never {
    this.#settled()
    const end = this.#end
    if (end !== undefined) throw end.why ?? this.#closedError(doing)
    if (isReply(error)) {
      const trouble = answerError(doing, this.url, error)
      if (trouble.fatal) this.#over(trouble)
      throw trouble
    }
    const lost = this.#lostError(error)
    this.#over(lost)
    throw lost
  }

  #look(): void {
    const now = performance.now()
    // When this process stood still, what has arrived meanwhile was not read yet.
    const stoodStill = now - this.#lookedAt > 2 * LOOK_MS
    this.#lookedAt = now
    if (stoodStill) this.#movedAt = now
    if (this.#outstanding === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    } else if (now - this.#movedAt > this.#answerTimeoutMs) {
      const message =
        `Redis at ${this.url} has not answered for ${Math.round(now - this.#movedAt)} ms; the connection is given up. ` +
        'If it persists, look at the server and the network between.'
      this.#over(new RedisError('SILENT', message))
    }
  }

  #lostError(cause: unknown = this.#error): RedisError {
    const why = cause instanceof Error && cause.message !== '' ? `: ${cause.message.replace(/\.$/, '')}` : ''
    return new RedisError('LOST', `The connection to Redis at ${this.url} was lost${why}. Connect again.`, { cause })
  }

  #closedError(doing: string): RedisError {
    return new RedisError('CLOSED', `The connection to Redis at ${this.url} is closed, so ${doing} is not possible.`)
  }

  #over(why: RedisEnd): void {
    if (this.#end !== undefined) return
    this.#end = { why }
    clearInterval(this.#timer)
    this.#client.disconnect()
    // At once: a server that does not answer does not take leave either.
    this.#client.stream?.destroy()
  }
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

function isAnswer(error: unknown, pattern: RegExp): boolean {
  return error instanceof RedisError && error.cause instanceof Error && pattern.test(error.cause.message)
}
