import type { App } from '../app/app.js'
import { runningTask } from '../app/current-task.js'
import { runnableOf } from '../app/runnable-of.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { LovageError } from '../lib/errors.js'
import { createLog, silentLog } from '../lib/log.js'
import type { Log, LogFields, LogLevel } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { ParentLine } from '../pools/child/parent-line.js'
import type { ChildCall, ToChild } from '../pools/child-protocol.js'
import { packValue } from '../pools/packed-value.js'
import type { Call, Interrupt, Outcome } from '../pools/pool.js'
import { attemptNumber } from '../protocol/attempt-number.js'
import { decodeTask } from '../protocol/decode-task.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { pythonRepr } from '../protocol/python-repr.js'
import type { State } from '../protocol/result-meta.js'
import type { AppSource } from './app-source.js'
import type { ChildBoot } from './child-boot.js'
import { CurrentCall } from './current-call.js'
import { type ExecuteParts, execute } from './execute.js'
import { keptLogLines } from './kept-log-lines.js'
import { reducedOutcome } from './reduced-outcome.js'
import { type StrayErrorKind, strayError } from './stray-error.js'

/** How long what the app has open may take to close when the child leaves. */
const CLOSE_LIMIT: Ms = 1000

const REPR_LENGTH = 1024

/** With so many bytes on their way to the parent, lines of the log are dropped, and counted: user code that logs may not give it a turn. */
const MAX_BACKLOG: number = 8 * 1024 * 1024

/** The worker's app, loaded anew, with a runtime of its own that logs there. */
export type LoadApp = (source: AppSource, log: Log) => Promise<App>

/** A call that waits for its turn in the child. */
interface Waiting {
  readonly number: number
  readonly task: ChildCall
  interrupt: Interrupt | undefined
}

/**
 * A child of a pool: loads the app, runs one call after another, and tells its parent what came of it. Everything that
 * concerns the message, its result and its events is the parent's; what tasks publish goes out by the child's own
 * connection, opened when it is first needed.
 */
export class PoolChild {
  readonly #line: ParentLine
  readonly #load: LoadApp
  #log: Log = silentLog
  #app: App | undefined
  #parts: ExecuteParts | undefined
  #tellsMemory = false
  #dropped = 0
  #current: CurrentCall | undefined
  #waiting: Waiting[] = []
  /** The outcome of the last call is on its way, and the next one does not begin before the parent was heard once more. */
  #between = false
  /** The number of the last call. */
  #begun = 0
  readonly #asks = new Map<number, Deferred<void>>()
  #asked = 0

  constructor(line: ParentLine, load: LoadApp) {
    this.#line = line
    this.#load = load
  }

  serve(): void {
    this.#line.onStrayError((error, how) => this.#stray(error, how))
    this.#line.listen(message => this.#hear(message))
    this.#line.send({ kind: 'alive' })
  }

  #hear(message: ToChild): void {
    switch (message.kind) {
      case 'boot':
        // Sent by worker/create-pool.ts.
        void this.#boot(message.boot as ChildBoot)
        return
      case 'call':
        this.#waiting.push({ number: message.call, task: message.task, interrupt: undefined })
        this.#begin()
        return
      case 'interrupt':
        this.#interrupt(message.call, message.reason)
        return
      case 'recall':
        this.#waiting = []
        this.#line.send({ kind: 'recalled', begun: this.#begun })
        return
      case 'stored':
        this.#stored(message.ask, message.error)
        return
      case 'leave':
        void this.#leave()
        return
      default:
        message satisfies never
    }
  }

  async #boot({ app: source, logLevel, tellsMemory }: ChildBoot): Promise<void> {
    if (logLevel !== undefined) this.#log = createLog({ write: (...line) => this.#write(...line) }, logLevel)
    this.#tellsMemory = tellsMemory
    try {
      const app = await this.#load(source, this.#log)
      this.#app = app
      this.#parts = {
        runtime: app.runtime,
        app,
        extensions: app.extensions,
        find: request => runnableOf(request.task, app),
        storeState: (call, state, meta) => this.#storeState(call, state, meta),
        sendEvent: (call, type, fields) => this.#sendEvent(call, type, fields),
        keepLogLines: keptLogLines(app),
        fence: call => ({ retries: attemptNumber(call.request), claim: call.claim }),
      }
    } catch (error) {
      this.#refuse(error)
      return
    }
    this.#line.send({ kind: 'ready' })
  }

  #refuse(error: unknown): void {
    const code = error instanceof LovageError ? error.code : 'LVG_MODULE_FAILED'
    const message = error instanceof Error ? error.message : String(error)
    this.#line.send({ kind: 'unfit', code, message })
    this.#line.exit(1)
  }

  /** The next call, when there is one and nothing runs. */
  #begin(): void {
    if (this.#between || this.#current !== undefined) return
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#begun = next.number
    this.#run(next.number, next.task)
    if (next.interrupt !== undefined) this.#interrupt(next.number, next.interrupt)
  }

  #interrupt(number: number, reason: Interrupt): void {
    if (this.#current?.number === number) this.#current.interrupt(reason)
    const waiting = this.#waiting.find(call => call.number === number)
    if (waiting !== undefined) waiting.interrupt = reason
  }

  #ended(number: number, outcome: Outcome, leaves: boolean): void {
    const memory = this.#tellsMemory ? this.#line.memory() : undefined
    if (leaves) this.#waiting = []
    this.#line.send({ kind: 'outcome', call: number, outcome: packValue(outcome), memory, leaves })
    this.#between = true
    this.#line.caughtUp(() => {
      this.#between = false
      this.#begin()
    })
  }

  #run(number: number, task: ChildCall): void {
    const [app, parts] = [this.#app, this.#parts]
    if (app === undefined || parts === undefined) throw new TypeError('A call came before the app was loaded.')
    const { headers, properties, body: sent, expires, ...rest } = task
    const body = typeof sent === 'string' ? Buffer.from(sent, 'latin1') : sent
    const decoded = decodeTask({ headers, properties, body }, app.codec, { limits: app.limits })
    if (decoded.kind === 'malformed') {
      const error = new LovageError('LVG_MALFORMED', `The child cannot read what its worker could: ${decoded.detail}`)
      const outcome: Outcome = { kind: 'failed', ...exceptionInfoOf(error), children: [], runtime: 0 }
      this.#ended(number, outcome, false)
      return
    }
    const request = decoded.request.expires === expires ? decoded.request : { ...decoded.request, expires }
    const call: Call = { ...rest, request }
    const current = new CurrentCall(number, call, outcome => this.#end(current, outcome, false))
    this.#current = current
    void execute(call, current, parts)
  }

  #end(current: CurrentCall, outcome: Outcome, leaves: boolean): void {
    if (this.#current !== current) return
    this.#current = undefined
    try {
      this.#ended(current.number, outcome, leaves)
    } catch (error) {
      this.#ended(current.number, reducedOutcome(outcome, error, this.#ignores(current.call)), leaves)
    }
  }

  #ignores({ request }: Call): boolean {
    return request.ignoreResult ?? this.#app?.policy(request.task).ignoreResult ?? false
  }

  /** User code that threw where nobody catches will not come to its end any more, and may have left anything behind. */
  #stray(error: unknown, how: StrayErrorKind): void {
    const stray = strayError(error, how)
    this.#log[stray.level](stray.message, stray.fields)
    if (stray.ours) {
      this.#line.exit(1)
      return
    }
    const current = this.#current
    if (how !== 'exception' || current === undefined || runningTask()?.id !== current.call.request.id) return
    this.#end(current, { kind: 'failed', ...exceptionInfoOf(error), children: [], runtime: 0 }, true)
    void this.#leave()
  }

  async #storeState(call: Call, state: State, meta: unknown): Promise<void> {
    const current = this.#current
    if (current?.call !== call) throw notStored('the task has ended')
    const ask = ++this.#asked
    const answer = deferred()
    this.#asks.set(ask, answer)
    try {
      this.#line.send({ kind: 'state', call: current.number, ask, state, meta: packValue(meta) })
      await answer.promise
    } finally {
      this.#asks.delete(ask)
    }
  }

  #stored(ask: number, error: string | undefined): void {
    const answer = this.#asks.get(ask)
    if (error === undefined) answer?.resolve()
    else answer?.reject(notStored(error))
  }

  #sendEvent(call: Call, type: string, fields: Readonly<Record<string, unknown>>): void {
    const current = this.#current
    if (current?.call === call)
      this.#line.send({ kind: 'event', call: current.number, type, fields: packValue(fields) })
  }

  #write(level: LogLevel, message: string, fields: LogFields): void {
    if (this.#line.backlog > MAX_BACKLOG) {
      this.#dropped++
      return
    }
    const dropped = this.#dropped
    this.#dropped = 0
    if (dropped > 0) this.#write('warning', `${dropped} lines of this child's log were dropped: too many at once.`, {})
    try {
      this.#line.send({ kind: 'log', level, message, fields })
    } catch {
      const shown = Object.entries(fields).map(([name, value]) => [name, pythonRepr(value, REPR_LENGTH)])
      this.#line.send({ kind: 'log', level, message, fields: Object.fromEntries(shown) })
    }
  }

  async #leave(): Promise<void> {
    const closing = Promise.resolve(this.#app?.[Symbol.asyncDispose]()).catch(() => undefined)
    const clock = this.#parts?.runtime.clock
    await Promise.race([closing, clock?.sleep(CLOSE_LIMIT)])
    this.#line.exit(0)
  }
}

function notStored(why: string): LovageError {
  return new LovageError('LVG_STATE_NOT_STORED', `The state was not stored: ${why}`)
}
