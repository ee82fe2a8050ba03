import type { EpochMs, Ms } from '../lib/time.js'
import type { ChainSteps } from './chain-steps.js'
import type { GroupId, TaskId, TaskName } from './ids.js'
import type { Message } from './message.js'
import type { Kwargs, Signature } from './signature.js'

/** A decoded task message, whichever protocol version carried it. Times are epoch ms, limits are ms, absent is undefined. */
export interface TaskRequest {
  readonly protocol: 1 | 2
  readonly id: TaskId
  readonly task: TaskName
  readonly args: readonly unknown[]
  readonly kwargs: Kwargs
  readonly lang: string | undefined
  /** Display name for logs and events; `task` still selects the code. */
  readonly shadow: string | undefined
  readonly eta: EpochMs | undefined
  readonly expires: EpochMs | undefined
  readonly retries: number
  readonly timeLimit: Ms | undefined
  readonly softTimeLimit: Ms | undefined
  readonly rootId: TaskId
  readonly parentId: TaskId | undefined
  readonly group: GroupId | undefined
  readonly groupIndex: number | undefined
  readonly argsrepr: string
  readonly kwargsrepr: string
  readonly origin: string | undefined
  /** The sender's wish; undefined = the task's own option decides. */
  readonly ignoreResult: boolean | undefined
  readonly replacedTaskNesting: number
  readonly stampedHeaders: readonly string[] | undefined
  readonly stamps: Readonly<Record<string, unknown>>
  /** Custom headers only, with their wire names. */
  readonly headers: Readonly<Record<string, unknown>>
  readonly callbacks: readonly Signature[]
  readonly errbacks: readonly Signature[]
  readonly chain: ChainSteps
  readonly chord: Signature | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  readonly priority: number | undefined
  /** The message it came from: retries re-publish its untouched parts byte for byte. */
  readonly message: Message
}
