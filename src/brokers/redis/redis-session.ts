import { RedisError } from '../../drivers/errors.js'
import type { RedisArgument, RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'
import { uuid4 } from '../../lib/uuid.js'
import type { QueueName } from '../../protocol/ids.js'
import { decodeEnvelope, encodeEnvelope } from '../../protocol/kombu-envelope.js'
import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../broker.js'
import { PublishUnknownError } from '../errors.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import type { Claimed, PushEntry, PushOutcome, StoreSession, Token, Verdict } from '../virtual/queue-store.js'
import { HeldTokens } from './held-tokens.js'
import { begunValue, type Return, returnedMessage } from './held-value.js'
import type { LeaseConfig } from './lease-keeper.js'
import { dropDeserted, leave } from './lease-keeper.js'
import { QueueCounts } from './queue-counts.js'
import { RedisFanout } from './redis-fanout.js'
import type { RedisKeys } from './redis-keys.js'
import { redisLimits } from './redis-limits.js'
import { type Destination, RedisTopology } from './redis-topology.js'
import { brokerTrouble, lossTrouble, publishError } from './redis-trouble.js'
import { RedisWakes } from './redis-wakes.js'
import { flags, type Restoration, Restorer } from './restorer.js'
import type { Scripts } from './scripts.js'

export interface RedisSessionOptions {
  readonly url: string
  readonly runtime: Pick<Runtime, 'clock' | 'random' | 'log'>
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly visibilityMs: Ms
  /** Whether `notBefore` is kept. */
  readonly delays: boolean
  readonly replicas: { readonly count: number; readonly timeoutMs: Ms } | undefined
  /** The clock of the lease keeper, ms. */
  monotonic(): Ms
  /** Another connection to the same place; `what` names it in the server's list. */
  open(what: string): Promise<RedisConnection>
  /** Starts the lease keeper; `lost` is told when it cannot go on. */
  startKeeper(config: LeaseConfig, lost: (error: Error) => void): AsyncDisposable
  /** Called when the session becomes a holder, once. */
  holding(): void
}

/** Messages of one publishing script. */
const PUSH_BATCH = 100
/** Messages of one claim script, tokens of one settle script: below what Lua can unpack. */
const SCRIPT_BATCH = 1000
const LOCAL = 'fanout:'
/** Celery's own limit for results (`result_expires`). */
const UNDECLARED_LIFE: Ms = 24 * 3_600_000

const ACCEPTED: PushOutcome = Object.freeze({ kind: 'accepted' })
const DUPLICATE: PushOutcome = Object.freeze({ kind: 'duplicate' })
const UNROUTABLE: PushOutcome = Object.freeze({ kind: 'unroutable' })

/** On its way: it reaches something. */
interface Sent {
  readonly entry: PushEntry
  readonly destination: Destination
}

/** An event, to whoever listens. */
interface Told extends Sent {
  readonly destination: Extract<Destination, { readonly kind: 'channel' }>
}

interface Held {
  readonly queue: QueueName
  readonly message: Buffer
}

/**
 * One session at a Redis. Publishing needs its connection only. With the first claim or consumer it becomes a holder: a
 * lease keeper starts on a thread of its own (D24), and a connection for peeking. Any of these lost, it is lost.
 */
export class RedisSession implements StoreSession {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #scripts: Scripts
  readonly #options: RedisSessionOptions
  readonly #topology: RedisTopology
  readonly #restorer: Restorer
  readonly #counts: QueueCounts
  readonly #wakes: RedisWakes
  readonly #fanout: RedisFanout
  readonly #limits: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  readonly #held = new HeldTokens()
  readonly #trust = new BigInt64Array(new SharedArrayBuffer(16))
  readonly #holder: string
  readonly #closed = deferred<CloseReason>()
  /** What came by a subscription and is being worked on: there is nothing of it in Redis. */
  readonly #heard = new Map<Token, Held>()
  readonly #badLists = new Set<string>()
  #pushed = false
  #heardCount = 0
  #lastClaim = 0
  #keeper: AsyncDisposable | undefined
  #serving: readonly QueueName[] = []
  #lost = false
  #disposed: Promise<void> | undefined

  constructor(connection: RedisConnection, keys: RedisKeys, scripts: Scripts, options: RedisSessionOptions) {
    this.#connection = connection
    this.#keys = keys
    this.#scripts = scripts
    this.#options = options
    this.#holder = `${uuid4(options.runtime.random)}:`
    this.#topology = new RedisTopology(connection, keys)
    this.#restorer = new Restorer({ connection, keys, scripts, topology: this.#topology })
    this.#counts = new QueueCounts({ connection, keys, scripts, topology: this.#topology })
    this.#wakes = new RedisWakes({
      connection,
      keys,
      scripts,
      clock: options.runtime.clock,
      openPeek: () => options.open('peek'),
    })
    this.#limits = redisLimits({ connection, keys, scripts, holder: this.#holder, leaseMs: options.leaseMs })
    this.#fanout = new RedisFanout({
      open: () => options.open('subscriptions'),
      arrived: queue => this.#wakes.ring(keys.lists(queue)),
      lost: error => this.#lose(error),
    })
    connection.keepAlive(false)
    void connection.closed.then(error => this.#lose(error))
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  declare(topology: Topology): Promise<void> {
    return this.#ask(() => this.#topology.declare(topology))
  }

  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    try {
      const routes = await Promise.all(
        entries.map(({ to, mandatory }) => this.#route(to.exchange, to.routingKey, mandatory === false)),
      )
      const sent = entries.flatMap((entry, index) => {
        const destination = routes[index] as Destination
        if (destination.kind === 'queues' && destination.queues.length === 0) return []
        return [{ entry, destination }]
      })
      if (sent.length === 0) return entries.map(() => UNROUTABLE)
      const outcomes = await this.#push(sent)
      let at = 0
      return routes.map(destination =>
        destination.kind === 'queues' && destination.queues.length === 0 ? UNROUTABLE : (outcomes[at++] as PushOutcome),
      )
    } catch (error) {
      throw publishError(error)
    }
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    return this.#ask(async () => {
      const heard = this.#claimHeard(queues, limit)
      if (heard.length > 0 || this.#areHeard(queues)) return heard
      this.#hold()
      const claimed: Claimed[] = []
      while (claimed.length < limit) {
        const wanted = Math.min(limit - claimed.length, SCRIPT_BATCH)
        const part = await this.#claim(queues, wanted)
        claimed.push(...part)
        if (part.length < wanted) break
      }
      return claimed
    })
  }

  settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    return this.#ask(async () => {
      if (verdicts.every(verdict => verdict.kind === 'ack') && this.#heard.size === 0) {
        return settledOf(await this.#ack(verdicts.map(verdict => verdict.token)))
      }
      return this.#settle(verdicts)
    })
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#ask(async () => {
      const answers: boolean[] = []
      for (let at = 0; at < tokens.length; at += SCRIPT_BATCH) {
        const part = tokens.slice(at, at + SCRIPT_BATCH)
        answers.push(...(await this.#runFlags('asking for tokens', 'current', [this.#keys.unacked], part, part.length)))
      }
      return answers.map((current, index) => current || this.#heard.has(tokens[index] as Token))
    })
  }

  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (queues.some(queue => this.#fanout.waiting(queue) > 0)) return Promise.resolve()
    const lists = this.#keys.listsOf(queues)
    if (this.#areHeard(queues)) return this.#ask(() => this.#wakes.waitForRing(lists, signal))
    return this.#ask(() => this.#wakes.wait(lists, signal))
  }

  trustedUntil(): SteadyMs {
    const until = Number(Atomics.load(this.#trust, 0))
    if (until === 0) return Number.POSITIVE_INFINITY
    return this.#options.runtime.clock.steady() + until - this.#options.monotonic()
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#ask(() => this.#counts.of(queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#ask(() => this.#counts.all())
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#ask(() => this.#topology.bindings())
  }

  weigh(queue: QueueName): Promise<number | undefined> {
    return this.#ask(() => this.#counts.weigh(queue))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#ask(async () => this.#fanout.purge(queue) + (await this.#counts.purge(queue)))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#ask(() => {
      this.#hold()
      return this.#limits(request)
    })
  }

  consuming(queues: readonly QueueName[]): Promise<void> {
    return this.#ask(() => this.#consuming(queues))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #ask<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw brokerTrouble(error)
    }
  }

  /** Known without asking, nearly always. */
  #route(exchange: string, routingKey: string, anyway: boolean): Destination | Promise<Destination> {
    if (exchange === '' && this.#topology.isKnown(routingKey)) {
      // A known name was checked when it was declared.
      return { kind: 'queues', queues: [routingKey as QueueName] }
    }
    return this.#topology.route(exchange, routingKey, anyway)
  }

  /** Script by script: the server works on one while the next is written. */
  async #push(sent: readonly Sent[]): Promise<readonly PushOutcome[]> {
    const publishedAt = this.#options.runtime.clock.now()
    const parts: Promise<readonly PushOutcome[]>[] = []
    for (const part of inParts(sent)) {
      if ('entry' in part) {
        parts.push(this.#tell(part, publishedAt))
        continue
      }
      const pushed = this.#pushTogether(part, publishedAt)
      parts.push(pushed)
      // By then the server knows the script: what has to be sent again by its text would come behind the next.
      if (!this.#pushed) await pushed
      this.#pushed = true
    }
    // What is consumed here is claimed with the next command, without waiting to be told that it is there.
    this.#wakes.ring(this.#listsConsumedHere(sent))
    const waited = sent.every(isTold) ? undefined : this.#replicate()
    const [outcomes] = await Promise.all([Promise.all(parts), waited])
    await this.#limitLife(sent.map(({ destination }) => destination))
    return outcomes.length === 1 ? (outcomes[0] as readonly PushOutcome[]) : outcomes.flat()
  }

  /** Never rejects: what one script comes to does not concern the messages of the others. */
  async #pushTogether(sent: readonly Sent[], publishedAt: EpochMs): Promise<readonly PushOutcome[]> {
    const { published, delayed, delayedMessages } = this.#keys
    try {
      const words = this.#pushWords(sent, publishedAt)
      const keys = [published, delayed, delayedMessages]
      const answer = await this.#connection.run('publishing', this.#scripts.push, keys, words)
      const [letters, wrong] = arrayOf(answer, 2)?.map(String) ?? []
      if (letters?.length !== sent.length) throw this.#connection.misfit('publishing')
      return Array.from(letters, (letter): PushOutcome => {
        if (letter === '1') return ACCEPTED
        return letter === '0'
          ? DUPLICATE
          : { kind: 'failed', error: publishError(refusal(this.#options.url, wrong ?? '')) }
      })
    } catch (error) {
      const outcome: PushOutcome = { kind: 'failed', error: publishError(error) }
      return sent.map(() => outcome)
    }
  }

  /** Never rejects. Redis keeps nothing of it, and nobody pushes it again: there is no script to run. */
  async #tell({ entry, destination }: Told, publishedAt: EpochMs): Promise<readonly PushOutcome[]> {
    try {
      await this.#connection.call('publishing', 'publish', [destination.channel, this.#envelope(entry, publishedAt)])
      return [ACCEPTED]
    } catch (error) {
      return [{ kind: 'failed', error: publishError(error) }]
    }
  }

  #envelope({ message, to }: PushEntry, publishedAt: EpochMs): string {
    return encodeEnvelope(message, { ...to, deliveryTag: uuid4(this.#options.runtime.random), publishedAt })
  }

  #listsConsumedHere(sent: readonly Sent[]): readonly string[] {
    const queues = this.#serving.filter(queue =>
      sent.some(({ destination }) => destination.kind === 'queues' && destination.queues.includes(queue)),
    )
    return this.#keys.listsOf(queues)
  }

  #pushWords(sent: readonly Sent[], publishedAt: EpochMs): readonly (string | number)[] {
    const { delays } = this.#options
    const words: (string | number)[] = []
    for (const { entry, destination } of sent) {
      const { message, publishId, notBefore } = entry
      const priority = message.properties.priority ?? 0
      words.push(compactId(publishId), delays ? (notBefore ?? 0) : 0)
      if (destination.kind === 'channel') words.push(-1, destination.channel)
      else {
        words.push(destination.queues.length)
        for (const queue of destination.queues) words.push(this.#keys.list(queue, priority))
      }
      words.push(this.#envelope(entry, publishedAt))
    }
    return words
  }

  /** What waits where nobody may ever look goes a day after the last message came. */
  async #limitLife(destinations: readonly Destination[]): Promise<void> {
    const lists = destinations.flatMap(destination => {
      if (destination.kind !== 'queues' || destination.undeclared !== true) return []
      return destination.queues.flatMap(queue => this.#keys.lists(queue))
    })
    await Promise.all(lists.map(list => this.#connection.call('publishing', 'pexpire', [list, UNDECLARED_LIFE])))
  }

  /** With `redisWait`: narrows, not closes, what a fail-over may lose. */
  async #replicate(): Promise<void> {
    const { replicas, url } = this.#options
    if (replicas === undefined) return
    const reached = await this.#connection.call('waiting for replicas', 'wait', [replicas.count, replicas.timeoutMs])
    if (Number(reached) >= replicas.count) return
    const message =
      `Redis at ${url} has the message, but only ${String(reached)} of ${replicas.count} replicas confirmed it within ` +
      `${replicas.timeoutMs} ms. Publish it again with the same ids, or look at the replicas.`
    throw new PublishUnknownError('LVG_REDIS_UNREPLICATED', message, { transient: true })
  }

  async #claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const first = this.#held.reserve(limit)
    if (first === undefined) return []
    const { unacked, unackedIndex, lease, claims, delayed, delayedMessages } = this.#keys
    const lists = this.#keys.listsOf(queues)
    const answer = await this.#connection.run(
      'claiming messages',
      this.#scripts.claim,
      [unacked, unackedIndex, lease, claims, delayed, delayedMessages, ...lists],
      [limit, this.#options.leaseMs, this.#holder, first, queues.length, ...queues.map(queue => JSON.stringify(queue))],
    )
    const parts = arrayOf(answer, 3)
    if (parts === undefined) throw this.#connection.misfit('claiming messages')
    // The script answers exactly this.
    const [start, bad, found] = parts as unknown as readonly [Buffer, readonly number[], readonly (number | Buffer)[]]
    const count = found.length / 2
    this.#held.unreserve(first + count, first + limit)
    if (bad.length > 0) this.#complain(bad.map(position => lists[position] as string))
    if (count === 0) return []
    const claim = Number(String(start))
    this.#lastClaim = claim + count - 1
    const last = lists[found[found.length - 2] as number] as string
    this.#wakes.busy(last)
    const claimed: Claimed[] = []
    for (let at = 0; at < count; at++) {
      const queue = queues[(found[2 * at] as number) % queues.length] as QueueName
      const token = this.#holder + (first + at)
      claimed.push(claimedOf(found[2 * at + 1] as Buffer, { queue, token, claim: claim + at }))
    }
    return claimed
  }

  /** Messages come to all of them by subscription, and in no other way. */
  #areHeard(queues: readonly QueueName[]): boolean {
    return queues.every(queue => this.#fanout.has(queue) && this.#topology.own(queue)?.autoDelete === true)
  }

  #claimHeard(queues: readonly QueueName[], limit: number): readonly Claimed[] {
    const claimed: Claimed[] = []
    for (const queue of queues) {
      if (this.#fanout.waiting(queue) === 0) continue
      for (const message of this.#fanout.take(queue, limit - claimed.length)) {
        const token = LOCAL + ++this.#heardCount
        this.#heard.set(token, { queue, message })
        claimed.push(claimedOf(message, { queue, token, claim: ++this.#lastClaim }))
      }
    }
    return claimed
  }

  async #ack(tokens: readonly Token[]): Promise<readonly boolean[]> {
    const { unacked, unackedIndex, lease } = this.#keys
    const settled: boolean[] = []
    for (let at = 0; at < tokens.length; at += SCRIPT_BATCH) {
      const part = tokens.slice(at, at + SCRIPT_BATCH)
      const keys = [unacked, unackedIndex, lease]
      settled.push(...(await this.#runFlags('acknowledging', 'ack', keys, part, part.length)))
    }
    for (const token of tokens) this.#release(token)
    return settled
  }

  /** A script that answers yes or no to each question. */
  async #runFlags(
    doing: string,
    script: 'ack' | 'begin' | 'current',
    keys: readonly string[],
    words: readonly RedisArgument[],
    questions: number,
  ): Promise<readonly boolean[]> {
    const answer = await this.#connection.run(doing, this.#scripts[script], keys, words)
    const answers = flags(answer, questions)
    if (answers === undefined) throw this.#connection.misfit(doing)
    return answers
  }

  /** Any mixture: one read for what needs the messages, one script per kind, answers in the order of the questions. */
  async #settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const answers = new Map<number, boolean>()
    const acks: number[] = []
    const others: number[] = []
    const seen = new Set<Token>()
    for (const [index, verdict] of verdicts.entries()) {
      const heard = this.#heard.get(verdict.token)
      if (heard !== undefined) answers.set(index, this.#settleHeard(verdict, heard))
      else if (seen.has(verdict.token)) {
        // A second verdict of one turn on one token waits for the first.
        const before = await this.#settle(verdicts.slice(0, index))
        const after = await this.#settle(verdicts.slice(index))
        return [...before, ...after]
      } else {
        seen.add(verdict.token)
        if (verdict.kind === 'ack') acks.push(index)
        else others.push(index)
      }
    }
    const tokenAt = (index: number): Token => (verdicts[index] as Verdict).token
    const acked = acks.length === 0 ? [] : await this.#ack(acks.map(tokenAt))
    acks.forEach((index, at) => void answers.set(index, acked[at] === true))
    if (others.length > 0) {
      const values = await this.#restorer.read(others.map(tokenAt))
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
    const marked = await this.#runFlags('marking as begun', 'begin', [this.#keys.unacked], words, begun.length)
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
    const restored = await this.#restorer.restore(ordered)
    ordered.forEach(({ index, token }, at) => {
      answers.set(index, restored[at] === true)
      this.#release(token)
    })
  }

  #settleHeard(verdict: Verdict, { queue, message }: Held): boolean {
    if (verdict.kind === 'begin') return true
    this.#heard.delete(verdict.token)
    if (verdict.kind === 'requeue') {
      const how: Return = verdict.counted ? 'counted' : 'clean'
      this.#fanout.giveBack(queue, returnedMessage(message, verdict.token, how))
    }
    return true
  }

  #release(token: Token): void {
    this.#held.release(numberOf(token))
  }

  async #consuming(queues: readonly QueueName[]): Promise<void> {
    const before = this.#serving
    this.#serving = queues
    if (queues.length > 0) this.#hold()
    const served = new Set(queues)
    for (const queue of served) {
      const subscriptions = this.#topology.subscriptions(queue)
      if (subscriptions.length > 0) await this.#fanout.listen(queue, subscriptions)
    }
    await this.#fanout.keep(served)
    await this.#tellConsumers(queues)
    const left = [...new Set(before)].filter(queue => !served.has(queue))
    await dropDeserted(this.#connection, this.#keys, this.#topology, left)
  }

  async #tellConsumers(queues: readonly QueueName[]): Promise<void> {
    const doing = 'telling what is consumed'
    const { consumers, holders } = this.#keys
    if (queues.length === 0) {
      Atomics.store(this.#trust, 1, 0n)
      await this.#connection.call(doing, 'hdel', [consumers, this.#holder])
      return
    }
    const counts: Record<string, number> = {}
    for (const queue of queues) counts[queue] = (counts[queue] ?? 0) + 1
    const [seconds] = (await this.#connection.call(doing, 'time')) as readonly [Buffer, Buffer]
    const ends = Number(String(seconds)) * 1000 + this.#options.leaseMs
    await Promise.all([
      this.#connection.call(doing, 'hset', [consumers, this.#holder, JSON.stringify(counts)]),
      this.#connection.call(doing, 'zadd', [holders, ends, this.#holder]),
    ])
    Atomics.store(this.#trust, 1, 1n)
  }

  /** Becomes a holder. */
  #hold(): void {
    if (this.#keeper !== undefined) return
    const { leaseMs, renewMs, visibilityMs } = this.#options
    const config: LeaseConfig = {
      holder: this.#holder,
      leaseMs,
      renewMs,
      visibilityMs,
      held: this.#held.memory,
      // Made of one above.
      trust: this.#trust.buffer as SharedArrayBuffer,
    }
    this.#keeper = this.#options.startKeeper(config, error => {
      // Who leaves is forgotten on purpose.
      if (this.#disposed === undefined) this.#lose(error)
    })
    this.#options.holding()
  }

  /** Once per list: other queues are served all the same (M39). */
  #complain(lists: readonly string[]): void {
    for (const list of lists) {
      if (this.#badLists.has(list)) continue
      this.#badLists.add(list)
      const message =
        `The key ${JSON.stringify(list)} of Redis at ${this.#options.url} is no list, so its queue cannot be consumed. ` +
        'Find out which program uses that name; delete the key, or rename the queue.'
      this.#options.runtime.log.error(message, { code: 'LVG_REDIS_WRONG_TYPE' })
    }
  }

  #lose(error: Error | undefined): void {
    const reason: CloseReason = error === undefined ? { kind: 'closed' } : { kind: 'lost', error: lossTrouble(error) }
    this.#lost = error !== undefined
    this.#closed.resolve(reason)
    void this[Symbol.asyncDispose]()
  }

  /** Hands back what is held. When the session was lost, tasks of it may still run: the lease decides. */
  async #dispose(): Promise<void> {
    await this.#wakes.end()
    if (this.#connection.open && !this.#lost) await this.#leave().catch(() => {})
    await this.#keeper?.[Symbol.asyncDispose]()
    await this.#fanout[Symbol.asyncDispose]()
    await this.#connection[Symbol.asyncDispose]()
    this.#closed.resolve({ kind: 'closed' })
  }

  async #leave(): Promise<void> {
    const numbers = this.#held.numbers().toReversed()
    for (let at = 0; at < numbers.length; at += SCRIPT_BATCH) {
      const tokens = numbers.slice(at, at + SCRIPT_BATCH).map(number => this.#holder + number)
      const values = await this.#restorer.read(tokens)
      const back = tokens.flatMap((token, index): Restoration[] => {
        const value = values[index]
        return value === null || value === undefined ? [] : [{ token, value, how: 'clean', delay: undefined }]
      })
      await this.#restorer.restore(back)
    }
    if (this.#keeper !== undefined) await leave(this.#connection, this.#keys, this.#topology, this.#holder)
    await dropDeserted(this.#connection, this.#keys, this.#topology, this.#topology.ownTransient)
  }
}

function isTold(one: Sent): one is Told {
  return one.entry.once === true && one.destination.kind === 'channel'
}

/** In their order: what one script publishes together, and what needs none. */
function inParts(sent: readonly Sent[]): readonly (Told | readonly Sent[])[] {
  const parts: (Told | Sent[])[] = []
  for (const one of sent) {
    const last = parts.at(-1)
    if (isTold(one)) parts.push(one)
    else if (Array.isArray(last) && last.length < PUSH_BATCH) last.push(one)
    else parts.push([one])
  }
  return parts
}

function arrayOf(reply: RedisReply, length: number): readonly RedisReply[] | undefined {
  return Array.isArray(reply) && reply.length === length ? reply : undefined
}

interface HeldVerdict {
  readonly index: number
  readonly verdict: Verdict
  readonly value: Buffer
}

/** What is no envelope (M38) comes as a message of nothing but its bytes: whoever decodes it finds it malformed. */
function claimedOf(
  bytes: Buffer,
  at: { readonly queue: QueueName; readonly token: Token; readonly claim: number },
): Claimed {
  const envelope = decodeEnvelope(bytes)
  if (envelope === undefined) {
    const message = { headers: {}, properties: {}, body: bytes }
    const unknown = { redelivered: false, faults: 0, begun: false, enqueuedAt: undefined }
    return { ...at, ...unknown, message, exchange: '', routingKey: at.queue }
  }
  const { message, exchange, routingKey, redelivered, faults, begun, publishedAt } = envelope
  return {
    token: at.token,
    message,
    queue: at.queue,
    exchange,
    routingKey,
    redelivered,
    faults,
    begun: begun !== undefined,
    claim: at.claim,
    enqueuedAt: publishedAt,
  }
}

function settledOf(flags: readonly boolean[]): readonly Settled[] {
  return flags.map(settled => (settled ? 'settled' : 'stale'))
}

function numberOf(token: Token): number {
  return Number(token.slice(token.lastIndexOf(':') + 1))
}

/** A UUID without its hyphens: publish ids are kept for a minute or two, many of them. */
function compactId(publishId: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(publishId) ? publishId.replaceAll('-', '') : publishId
}

function refusal(url: string, wrong: string): RedisError {
  const code = /WRONGTYPE/.test(wrong)
    ? 'WRONG_TYPE'
    : /OOM/.test(wrong)
      ? 'FULL'
      : /NOPERM/.test(wrong)
        ? 'DENIED'
        : 'ERROR'
  return new RedisError(code, `While publishing, Redis at ${url} failed: ${wrong}.`)
}
