import type { ExchangeType } from '../brokers/broker.js'
import { transactionProblem, type UserTransaction } from '../brokers/user-transaction.js'
import { LovageError } from '../lib/errors.js'
import { suggest } from '../lib/suggest.js'
import { MAX_NAME_BYTES } from '../protocol/limits.js'
import type { Kwargs, Signature } from '../protocol/signature.js'
import type { Duration } from './task-options.js'

/** How one call is sent. Celery's names, camelCased; a bare number of time is in seconds. */
export interface CallOptions {
  /** Keyword arguments, for tasks in Python or with `params`. */
  readonly kwargs?: Kwargs | undefined
  /** Run this long from now. */
  readonly countdown?: Duration | undefined
  /** Run not before this instant: Date, epoch ms, or ISO 8601. */
  readonly eta?: Date | number | string | undefined
  /** Do not run later than this: a span from now, or an instant as Date or ISO 8601. */
  readonly expires?: Duration | Date | undefined
  /** Attempts already made. Default 0. */
  readonly retries?: number | undefined
  readonly queue?: string | undefined
  readonly exchange?: string | undefined
  readonly exchangeType?: ExchangeType | undefined
  readonly routingKey?: string | undefined
  /** 0 to 255, higher first (Redis: lower first, as Kombu). */
  readonly priority?: number | undefined
  readonly serializer?: string | undefined
  readonly compression?: string | undefined
  /** Default: a new UUID. */
  readonly taskId?: string | undefined
  /** Name shown in logs and events instead of the task's. */
  readonly shadow?: string | undefined
  readonly timeLimit?: Duration | undefined
  readonly softTimeLimit?: Duration | undefined
  /** Called with the result when the task succeeds. */
  readonly link?: Signature | readonly Signature[] | undefined
  /** Called when the task fails. */
  readonly linkError?: Signature | readonly Signature[] | undefined
  /** Custom message headers. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined
  readonly ignoreResult?: boolean | undefined
  readonly groupId?: string | undefined
  readonly groupIndex?: number | undefined
  /** Default: the running task's root, else the task's own id. */
  readonly rootId?: string | undefined
  /** Default: the running task. */
  readonly parentId?: string | undefined
  /** Queue for answers by message. Default: the app's own id. */
  readonly replyTo?: string | undefined
  readonly deliveryMode?: 'persistent' | 'transient' | 1 | 2 | undefined
  /** Named values carried along, by which tasks can be revoked. */
  readonly stamps?: Readonly<Record<string, unknown>> | undefined
  /** What logs and events show of the arguments, when the real ones must not be seen. */
  readonly argsrepr?: string | undefined
  readonly kwargsrepr?: string | undefined
  /** For this call instead of the setting. */
  readonly publishTimeout?: Duration | undefined
  /** Stop waiting for the broker. The error says whether the message may have been accepted. */
  readonly signal?: AbortSignal | undefined
  /**
   * Send it inside this transaction of yours: it is sent if and only if the transaction commits. A client of `pg`, or a
   * database of node:sqlite, better-sqlite3 or libsql, in the broker's own database, after its BEGIN (D09). With
   * `publishMany` once for all.
   */
  readonly transaction?: UserTransaction | undefined
  /**
   * Keep it in an outbox inside this transaction of yours, in the database that `outboxUrl` names, and send it after the
   * commit, at least once, over whatever broker.
   */
  readonly dispatchOnCommit?: UserTransaction | undefined
  /** Remember the result as a child of the running task. Default true. */
  readonly addToParent?: boolean | undefined
  /** Remaining steps of a chain in reverse order: the last element runs next. */
  readonly chain?: readonly Signature[] | undefined
  /** Body of the chord that the task is a part of. */
  readonly chord?: Signature | undefined
  readonly replacedTaskNesting?: number | undefined
  /** Who is named as the sender. Default `gen<pid>@<host>`. */
  readonly origin?: string | undefined
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
/** An AMQP short string (L06). */
const isShort: Check = value => typeof value === 'string' && Buffer.byteLength(value) <= MAX_NAME_BYTES
const isName: Check = value => typeof value === 'string' && value !== ''
const isFlag: Check = value => typeof value === 'boolean'
const isWhole: Check = value => typeof value === 'number' && Number.isInteger(value) && value >= 0
const isByte: Check = value => isWhole(value) && (value as number) <= 255
const isObject: Check = value => typeof value === 'object' && value !== null && !Array.isArray(value)
const isList: Check = Array.isArray
const isObjectOrList: Check = value => typeof value === 'object' && value !== null
/** Spans, instants and delivery modes are read, and refused, where they are used. */
const isAnything: Check = () => true

const isTransaction: Check = value => transactionProblem(value) === undefined
const TRANSACTION =
  'a client of pg, or a database of node:sqlite, better-sqlite3 or libsql, with a transaction open (no pool)'

const CHECKS: ReadonlyMap<string, readonly [Check, string]> = new Map<keyof CallOptions, readonly [Check, string]>([
  ['kwargs', [isObject, 'an object']],
  ['countdown', [isAnything, '']],
  ['eta', [isAnything, '']],
  ['expires', [isAnything, '']],
  ['retries', [isWhole, 'a whole number, 0 or more']],
  ['queue', [isName, "a queue's name"]],
  ['exchange', [isShort, `an exchange's name, at most ${MAX_NAME_BYTES} bytes`]],
  ['exchangeType', [isName, "'direct', 'topic' or 'fanout'"]],
  ['routingKey', [isShort, `text of at most ${MAX_NAME_BYTES} bytes`]],
  ['priority', [isByte, 'a whole number, 0 to 255']],
  ['serializer', [isName, "a serializer's name"]],
  ['compression', [isName, "a compression's name"]],
  ['taskId', [isName, 'text, not empty']],
  ['shadow', [isText, 'text']],
  ['timeLimit', [isAnything, '']],
  ['softTimeLimit', [isAnything, '']],
  ['link', [isObjectOrList, 'a signature or a list of signatures']],
  ['linkError', [isObjectOrList, 'a signature or a list of signatures']],
  ['headers', [isObject, 'an object']],
  ['ignoreResult', [isFlag, 'true or false']],
  ['groupId', [isName, 'text, not empty']],
  ['groupIndex', [isWhole, 'a whole number, 0 or more']],
  ['rootId', [isName, 'text, not empty']],
  ['parentId', [isName, 'text, not empty']],
  ['replyTo', [isText, 'text']],
  ['deliveryMode', [isAnything, '']],
  ['stamps', [isObject, 'an object']],
  ['argsrepr', [isText, 'text']],
  ['kwargsrepr', [isText, 'text']],
  ['publishTimeout', [isAnything, '']],
  ['signal', [value => value instanceof AbortSignal, 'an AbortSignal']],
  ['transaction', [isTransaction, TRANSACTION]],
  ['dispatchOnCommit', [isTransaction, TRANSACTION]],
  ['addToParent', [isFlag, 'true or false']],
  ['chain', [isList, 'a list of signatures']],
  ['chord', [isObject, 'a signature']],
  ['replacedTaskNesting', [isWhole, 'a whole number, 0 or more']],
  ['origin', [isText, 'text']],
])

/** True for the name of a call option. */
export function isCallOption(name: string): name is keyof CallOptions {
  return CHECKS.has(name)
}

/** Throws `LVG_UNKNOWN_OPTION` or `LVG_BAD_OPTION`; `task` says whose call it is. */
export function checkCallOptions(task: string, options: CallOptions): void {
  for (const name in options) {
    const check = CHECKS.get(name)
    if (check === undefined) throw unknownOption(task, name, CHECKS.keys())
    const value: unknown = options[name as keyof CallOptions]
    if (value !== undefined && value !== null && !check[0](value)) throw badOption(task, name, check[1], value)
  }
}

/** `known`: the names that exist, for a suggestion. */
export function unknownOption(task: string, name: string, known: Iterable<string>): LovageError {
  const near = suggest(name, known)
  const hint = near === undefined ? '' : ` Did you mean \`${near}\`?`
  return new LovageError('LVG_UNKNOWN_OPTION', `Task ${task}: unknown option \`${name}\`.${hint}`)
}

export function badOption(task: string, name: string, expected: string, value: unknown): LovageError {
  const shown = typeof value === 'string' ? `'${value.slice(0, 80)}'` : String(value)
  return new LovageError('LVG_BAD_OPTION', `Task ${task}: option \`${name}\` must be ${expected}; it is ${shown}.`)
}
