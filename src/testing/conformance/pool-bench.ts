import assert from 'node:assert/strict'
import { outgoingCall } from '../../app/outgoing.js'
import type { Call, Execution, Outcome, OutcomeKind, Pool } from '../../pools/pool.js'
import { decodeTask } from '../../protocol/decode-task.js'
import type { PoolCapability, PoolOptions, PoolPlace, PoolTold } from './pool-harness.js'

/** One case of the suite: a sentence about behaviour, starting with the rule it proves, if it has a number. */
export interface PoolCase {
  readonly name: string
  readonly needs?: readonly PoolCapability[]
  run(bench: PoolBench): Promise<void>
}

/** What cases are written with: short verbs over the pools of one place. */
export class PoolBench {
  readonly #place: PoolPlace

  constructor(place: PoolPlace) {
    this.#place = place
  }

  get told(): readonly PoolTold[] {
    return this.#place.told
  }

  open(size: number, options: Omit<PoolOptions, 'size'> = {}): Promise<Pool> {
    return this.#place.open({ ...options, size })
  }

  /** A call as a worker makes it of a message. */
  call(task: string, args: readonly unknown[] = []): Call {
    const { app } = this.#place
    const { message } = outgoingCall(app, task, args, {}, {}).outgoing
    const decoded = decodeTask(message, app.codec, { limits: app.limits })
    assert.ok(decoded.kind === 'task', `a message of the suite is malformed: ${JSON.stringify(decoded)}`)
    return {
      request: decoded.request,
      faults: 0,
      queue: 'celery',
      exchange: '',
      routingKey: 'celery',
      redelivered: false,
      claim: 1,
      hostname: 'worker@suite',
      softTimeLimit: undefined,
      timeLimit: undefined,
    }
  }

  begin(pool: Pool, task: string, ...args: readonly unknown[]): Execution {
    return pool.run(this.call(task, args))
  }

  async outcome(execution: Execution): Promise<Outcome> {
    return await this.within(execution.outcome, 'an outcome')
  }

  run(pool: Pool, task: string, ...args: readonly unknown[]): Promise<Outcome> {
    return this.outcome(this.begin(pool, task, ...args))
  }

  /** What it returned. */
  async value(pool: Pool, task: string, ...args: readonly unknown[]): Promise<unknown> {
    const outcome = await this.run(pool, task, ...args)
    return kind(outcome, 'succeeded').value
  }

  async eventually(what: string, holds: () => boolean): Promise<void> {
    const began = this.#place.now()
    while (this.#place.now() - began < this.#place.patience) {
      if (holds()) return
      await this.#place.pass()
    }
    assert.fail(`waited in vain for ${what}`)
  }

  async within<T>(promise: Promise<T>, what: string): Promise<T> {
    let settled = false
    const note = (): void => {
      settled = true
    }
    promise.then(note, note)
    await this.eventually(what, () => settled)
    return await promise
  }

  /** The first state of that name that a call told; its meta. */
  async state(name: string): Promise<unknown> {
    const find = (): PoolTold | undefined => this.told.find(told => told.kind === 'state' && told.state === name)
    await this.eventually(`state ${name}`, () => find() !== undefined)
    const told = find()
    return told?.kind === 'state' ? told.meta : undefined
  }
}

/** The outcome, when it is of that kind. */
export function kind<K extends OutcomeKind['kind']>(outcome: Outcome, wanted: K): Outcome & { readonly kind: K } {
  assert.equal(
    outcome.kind,
    wanted,
    JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
  )
  return outcome as Outcome & { readonly kind: K }
}

/** Are these members among those of the value? */
export function has(value: unknown, expected: Readonly<Record<string, unknown>>): void {
  assert.ok(typeof value === 'object' && value !== null)
  const record = value as Readonly<Record<string, unknown>>
  assert.deepEqual(Object.fromEntries(Object.keys(expected).map(key => [key, record[key]])), expected)
}
