import type { RedisArgument, RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Settled } from '../broker.js'
import type { Token, Verdict } from '../virtual/queue-store.js'
import type { HeardMessages } from './heard-messages.js'
import { begunValue, type Return } from './held-value.js'
import type { Holder } from './holder.js'
import type { RedisKeys } from './redis-keys.js'
import { flags, type Restoration, type Restorer } from './restorer.js'
import type { Scripts } from './scripts.js'

export interface RedisSettlerParts {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly scripts: Scripts
  readonly restorer: Restorer
  readonly holder: Holder
  readonly heard: HeardMessages
}

/** Tokens of one script: below what Lua can unpack. */
const BATCH = 1000

interface HeldVerdict {
  readonly index: number
  readonly verdict: Verdict
  /** As it was read from `unacked`. */
  readonly value: Buffer
}

/** Says what becomes of held messages, and which are held still. */
export class RedisSettler {
  readonly #parts: RedisSettlerParts

  constructor(parts: RedisSettlerParts) {
    this.#parts = parts
  }

  async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    if (verdicts.every(verdict => verdict.kind === 'ack') && this.#parts.heard.size === 0) {
      return settledOf(await this.#ack(verdicts.map(verdict => verdict.token)))
    }
    return this.#settle(verdicts)
  }

  async current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    const { keys, heard } = this.#parts
    const answers: boolean[] = []
    for (let at = 0; at < tokens.length; at += BATCH) {
      const part = tokens.slice(at, at + BATCH)
      answers.push(...(await this.#flags('asking for tokens', 'current', [keys.unacked], part, part.length)))
    }
    return answers.map((current, index) => current || heard.has(tokens[index] as Token))
  }

  /** Everything goes back, uncounted. */
  async giveAllBack(): Promise<void> {
    const { holder, restorer } = this.#parts
    const numbers = holder.tokens.numbers().toReversed()
    for (let at = 0; at < numbers.length; at += BATCH) {
      const tokens = numbers.slice(at, at + BATCH).map(number => holder.name + number)
      const values = await restorer.read(tokens)
      const back = tokens.flatMap((token, index): Restoration[] => {
        const value = values[index]
        return value === null || value === undefined ? [] : [{ token, value, how: 'clean', delay: undefined }]
      })
      await restorer.restore(back)
    }
  }

  async #ack(tokens: readonly Token[]): Promise<readonly boolean[]> {
    const { unacked, unackedIndex, lease } = this.#parts.keys
    const settled: boolean[] = []
    for (let at = 0; at < tokens.length; at += BATCH) {
      const part = tokens.slice(at, at + BATCH)
      const keys = [unacked, unackedIndex, lease]
      settled.push(...(await this.#flags('acknowledging', 'ack', keys, part, part.length)))
    }
    for (const token of tokens) this.#release(token)
    return settled
  }

  /** A script that answers yes or no to each question. */
  async #flags(
    doing: string,
    script: 'ack' | 'begin' | 'current',
    keys: readonly string[],
    words: readonly RedisArgument[],
    questions: number,
  ): Promise<readonly boolean[]> {
    const { connection, scripts } = this.#parts
    const answers = flags(await connection.run(doing, scripts[script], keys, words), questions)
    if (answers === undefined) throw connection.misfit(doing)
    return answers
  }

  /** Any mixture: one read for what needs the messages, one script per kind, answers in the order of the questions. */
  async #settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const again = repeated(verdicts)
    if (again !== undefined) {
      // A second verdict of one turn on one token waits for the first.
      const before = await this.#settle(verdicts.slice(0, again))
      const after = await this.#settle(verdicts.slice(again))
      return [...before, ...after]
    }
    const answers = new Map<number, boolean>()
    const acks: number[] = []
    const others: number[] = []
    for (const [index, verdict] of verdicts.entries()) {
      if (this.#parts.heard.settle(verdict)) answers.set(index, true)
      else if (verdict.kind === 'ack') acks.push(index)
      else others.push(index)
    }
    const tokenAt = (index: number): Token => (verdicts[index] as Verdict).token
    const acked = acks.length === 0 ? [] : await this.#ack(acks.map(tokenAt))
    acks.forEach((index, at) => void answers.set(index, acked[at] === true))
    if (others.length > 0) {
      const values = await this.#parts.restorer.read(others.map(tokenAt))
      const held = others.flatMap((index, at) => {
        const value = values[at]
        return value === null || value === undefined ? [] : [{ index, verdict: verdicts[index] as Verdict, value }]
      })
      await this.#begin(held, answers)
      await this.#requeue(held, answers)
    }
    return settledOf(verdicts.map((_, index) => answers.get(index) === true))
  }

  async #begin(held: readonly HeldVerdict[], answers: Map<number, boolean>): Promise<void> {
    const begun = held.filter(({ verdict }) => verdict.kind === 'begin')
    if (begun.length === 0) return
    const words = begun.flatMap(({ verdict: { token }, value }) => [token, value, begunValue(value, token)])
    const marked = await this.#flags('marking as begun', 'begin', [this.#parts.keys.unacked], words, begun.length)
    begun.forEach(({ index }, at) => void answers.set(index, marked[at] === true))
  }

  async #requeue(held: readonly HeldVerdict[], answers: Map<number, boolean>): Promise<void> {
    const back = held.flatMap(({ index, verdict, value }) => {
      if (verdict.kind !== 'requeue') return []
      const how: Return = verdict.counted ? 'counted' : 'clean'
      return [{ index, token: verdict.token, value, how, delay: verdict.delay }]
    })
    // The oldest goes last, to the very end that is consumed first.
    const ordered = back.toSorted((a, b) => numberOf(b.token) - numberOf(a.token))
    const restored = await this.#parts.restorer.restore(ordered)
    ordered.forEach(({ index, token }, at) => {
      answers.set(index, restored[at] === true)
      this.#release(token)
    })
  }

  #release(token: Token): void {
    this.#parts.holder.tokens.release(numberOf(token))
  }
}

/** Position of the first verdict on a token that another one before it is on. */
function repeated(verdicts: readonly Verdict[]): number | undefined {
  const seen = new Set<Token>()
  for (const [index, { token }] of verdicts.entries()) {
    if (seen.has(token)) return index
    seen.add(token)
  }
  return undefined
}

function settledOf(flags: readonly boolean[]): readonly Settled[] {
  return flags.map(settled => (settled ? 'settled' : 'stale'))
}

function numberOf(token: Token): number {
  return Number(token.slice(token.lastIndexOf(':') + 1))
}
