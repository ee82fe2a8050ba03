import assert from 'node:assert/strict'
import { memoryLog } from '../../../src/lib/memory-log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { ChildLine, ChildListener } from '../../../src/pools/child-line.js'
import { ChildPool, type ChildPoolOptions } from '../../../src/pools/child-pool.js'
import type { FromChild, ToChild } from '../../../src/pools/child-protocol.js'
import { packValue } from '../../../src/pools/packed-value.js'
import type { Call, Execution, Outcome } from '../../../src/pools/pool.js'
import { HandClock } from '../../../src/testing/hand-clock.js'
import { requestOf } from '../requests.js'

/** Between a signal and the end by force. */
export const GRACE = 1000

/** A child as the pool sees it; the test says what it does. */
export class PlayedChild implements ChildLine {
  readonly id: number
  readonly listener: ChildListener
  readonly sent: ToChild[] = []
  readonly signals: string[] = []
  destroyed = false
  flushed = true
  /** Numbers of calls that ended, or were dropped. */
  readonly #over = new Set<number>()
  /** What waits until all that it has sent is received. */
  #waiting: (() => void)[] = []

  constructor(id: number, listener: ChildListener) {
    this.id = id
    this.listener = listener
  }

  get calls(): number {
    return this.sent.filter(message => message.kind === 'call').length
  }

  get recalls(): number {
    return this.sent.filter(message => message.kind === 'recall').length
  }

  get toldToLeave(): boolean {
    return this.sent.some(message => message.kind === 'leave')
  }

  send(message: ToChild): void {
    this.sent.push(message)
  }

  caughtUp(callback: () => void): void {
    this.#waiting.push(callback)
  }

  /** All that it has sent by now is received. */
  isHeard(): void {
    for (const callback of this.#waiting.splice(0)) callback()
  }

  signal(name: string): void {
    this.signals.push(name)
  }

  destroy(): void {
    this.destroyed = true
  }

  says(message: FromChild): void {
    this.listener.received(message)
  }

  ready(): this {
    this.says({ kind: 'alive' })
    this.says({ kind: 'ready' })
    return this
  }

  /** It drops what it has after the call of that number. */
  answersRecall(begun: number): void {
    for (const number of this.#open()) if (number > begun) this.#over.add(number)
    this.says({ kind: 'recalled', begun })
  }

  /** The call that it runs comes to its end. */
  finishes(parts: { readonly memory?: number; readonly leaves?: boolean } = {}): void {
    const outcome: Outcome = { kind: 'succeeded', value: this.id, children: [], runtime: 1 }
    const { memory, leaves = false } = parts
    const call = this.#open()[0] ?? 0
    this.#over.add(call)
    this.says({ kind: 'outcome', call, outcome: packValue(outcome), memory, leaves })
  }

  ends(exit = 'exitcode 0'): void {
    this.listener.ended(exit)
  }

  #open(): readonly number[] {
    const calls = this.sent.flatMap(message => (message.kind === 'call' ? [message.call] : []))
    return calls.filter(call => !this.#over.has(call))
  }
}

/** A pool of children that a test plays; time passes by hand. */
export class PlayedPool {
  readonly clock = new HandClock()
  readonly children: PlayedChild[] = []
  readonly log = memoryLog()
  readonly pool: ChildPool
  cannotStart = false

  constructor(options: Partial<ChildPoolOptions> = {}) {
    const runtime = { ...nodeRuntime({ log: this.log.log }), clock: this.clock }
    this.pool = new ChildPool({
      kind: 'prefork',
      runtime: { ...runtime, host: { ...runtime.host, cpus: 4 } },
      size: 2,
      start: listener => {
        if (this.cannotStart) throw new Error('no more processes')
        const child = new PlayedChild(this.children.length + 1, listener)
        this.children.push(child)
        return child
      },
      boot: {},
      asks: { storeState: async () => undefined, sendEvent: () => undefined, log: () => undefined },
      maxTasks: undefined,
      maxMemory: undefined,
      aliveTimeout: 4000,
      killGrace: GRACE,
      ...options,
    })
  }

  /** The child that was started as that one, from 1. */
  child(number: number): PlayedChild {
    const child = this.children[number - 1]
    assert.ok(child !== undefined, `there is no child ${number}`)
    return child
  }

  async started(): Promise<this> {
    const started = this.pool.start(new AbortController().signal)
    for (const child of this.children) child.ready()
    await started
    return this
  }

  run(body: Uint8Array = new Uint8Array(0), isWanted?: () => boolean): Execution {
    return this.pool.run(call(body), isWanted)
  }

  /** Those that have a call now. */
  busy(): readonly number[] {
    return this.children.filter(child => child.calls > 0).map(child => child.id)
  }
}

function call(body: Uint8Array): Call {
  return {
    request: requestOf({ message: { headers: {}, properties: {}, body } }),
    faults: 0,
    queue: 'q',
    exchange: '',
    routingKey: 'q',
    redelivered: false,
    claim: 1,
    hostname: 'w',
    softTimeLimit: undefined,
    timeLimit: undefined,
  }
}
