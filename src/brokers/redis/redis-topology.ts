import type { RedisArgument, RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import { nameProblem, type QueueName } from '../../protocol/ids.js'
import type { Binding, Exchange, ExchangeType, Queue, Topology } from '../broker.js'
import { BrokerError } from '../errors.js'
import { topologyParts } from '../virtual/routing.js'
import { kombuPattern, matchesKombuPattern } from './kombu-pattern.js'
import type { RedisKeys } from './redis-keys.js'

/** Where a message goes. */
export type Destination =
  | {
      readonly kind: 'queues'
      readonly queues: readonly QueueName[]
      /** Nobody is known to have declared it. */
      readonly undeclared?: true
    }
  | { readonly kind: 'channel'; readonly channel: string }

/** Reply queues of clients come and go; beyond so many they are asked for each time. */
const MAX_SEEN = 10_000

interface Member {
  readonly routingKey: string
  readonly pattern: string
  readonly queue: QueueName
}

/** A queue bound to a fanout exchange: what it hears. */
export interface Subscription {
  readonly queue: QueueName
  readonly exchange: string
  readonly pattern: string
}

/**
 * Exchanges, queues and bindings. Bindings are Kombu's sets; Redis keeps neither exchanges nor empty queues, so
 * `lovage.exchanges` and `lovage.queues` remember what was declared over Lovage. An exchange nobody declared is taken for
 * a direct one, as Kombu does.
 */
export class RedisTopology {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #types = new Map<string, ExchangeType>()
  readonly #known = new Set<string>()
  /** Queues that were there and go by themselves. */
  readonly #seen = new Set<string>()
  readonly #declared = new Set<string>()
  readonly #subscriptions = new Map<QueueName, Subscription[]>()
  readonly #own = new Map<QueueName, Queue>()
  readonly #ownBindings = new Map<QueueName, Binding[]>()

  constructor(connection: RedisConnection, keys: RedisKeys) {
    this.#connection = connection
    this.#keys = keys
  }

  async declare(topology: Topology): Promise<void> {
    const mark = JSON.stringify(topology)
    if (this.#declared.has(mark)) return
    const { exchanges, queues, bindings } = topologyParts(topology)
    for (const exchange of exchanges) await this.#declareExchange(exchange)
    const sent: Promise<unknown>[] = []
    for (const queue of queues) {
      const field = queue.autoDelete === true ? 'd' : ''
      sent.push(this.#call('hsetnx', this.#keys.queues, queue.name, field))
      this.#own.set(queue.name, queue)
    }
    for (const binding of bindings) {
      sent.push(this.#bind(binding))
      this.#keepBinding(binding)
      if (binding.exchangeType === 'fanout') this.#subscribe(binding)
    }
    await Promise.all(sent)
    for (const queue of queues) this.#known.add(queue.name)
    // What goes with its last consumer may have gone: it is declared again whenever somebody asks for it.
    if (!queues.some(queue => queue.autoDelete === true)) this.#declared.add(mark)
  }

  /** What the queue hears, when it was bound to a fanout exchange over this session. */
  subscriptions(queue: QueueName): readonly Subscription[] {
    return this.#subscriptions.get(queue) ?? []
  }

  /** As it was declared over this session. */
  own(queue: QueueName): Queue | undefined {
    return this.#own.get(queue)
  }

  /** Queues declared over this session that go with their last consumer. */
  get ownTransient(): readonly QueueName[] {
    return [...this.#own.values()].filter(queue => queue.autoDelete === true).map(queue => queue.name)
  }

  /** True when it is known without asking that the default exchange reaches this queue. */
  isKnown(queue: string): boolean {
    return this.#known.has(queue)
  }

  /**
   * Where a publish goes; no queue = unroutable (D03). With `anyway` the default exchange reaches every name: a queue of Python
   * that has no binding is nothing but the list in which messages wait for it.
   */
  async route(exchange: string, routingKey: string, anyway: boolean): Promise<Destination> {
    if (exchange === '') {
      // It was found among names that were checked when they were declared.
      const queue = routingKey as QueueName
      if ((anyway && this.#seen.has(routingKey)) || (await this.#exists(routingKey))) {
        return { kind: 'queues', queues: [queue] }
      }
      if (!anyway || nameProblem(routingKey) !== undefined) return { kind: 'queues', queues: [] }
      return { kind: 'queues', queues: [queue], undeclared: true }
    }
    const type = await this.#type(exchange)
    if (type === 'fanout') return { kind: 'channel', channel: this.#keys.channel(exchange, routingKey) }
    return { kind: 'queues', queues: await this.#bound(exchange, type, routingKey) }
  }

  /** Where a held message goes back to. Source: kombu/transport/virtual/base.py `Channel._lookup`. */
  async destinations(exchange: string, routingKey: string): Promise<readonly QueueName[]> {
    if (exchange === '') return [routingKey as QueueName]
    const queues = await this.#bound(exchange, await this.#type(exchange), routingKey)
    // Its binding is gone: better where its key says than nowhere.
    return queues.length === 0 ? [routingKey as QueueName] : queues
  }

  async bindings(): Promise<readonly Binding[]> {
    const found: Binding[] = []
    for (const exchange of await this.#exchanges()) {
      const type = await this.#type(exchange)
      for (const { routingKey, queue } of await this.#members(exchange))
        found.push({ exchange, exchangeType: type, routingKey, queue })
    }
    return found
  }

  /** Declared queues, and those that Python bound to exchanges which are not fanout. */
  async queues(): Promise<readonly QueueName[]> {
    const declared = (await this.#call('hkeys', this.#keys.queues)) as readonly Buffer[]
    const names = new Set(declared.map(String))
    for (const { exchangeType, queue } of await this.bindings()) if (exchangeType !== 'fanout') names.add(queue)
    return [...names].sort() as QueueName[]
  }

  /** Forgets the queue, its bindings and its messages. */
  async drop(queue: QueueName): Promise<void> {
    const bound = this.#ownBindings.get(queue) ?? (await this.bindings()).filter(binding => binding.queue === queue)
    await Promise.all([
      ...bound.map(binding => this.#call('srem', this.#keys.binding(binding.exchange), this.#member(binding))),
      this.#call('hdel', this.#keys.queues, queue),
      this.#call('del', ...this.#keys.lists(queue)),
    ])
    this.#known.delete(queue)
    this.#own.delete(queue)
    this.#ownBindings.delete(queue)
    this.#declared.clear()
  }

  /** True when the queue goes with its last consumer, whoever declared it. */
  async isAutoDelete(queue: QueueName): Promise<boolean> {
    return String(await this.#call('hget', this.#keys.queues, queue)) === 'd'
  }

  async #declareExchange({ name, type }: Exchange): Promise<void> {
    if (this.#types.get(name) === type) return
    const [, answer] = await Promise.all([
      this.#call('hsetnx', this.#keys.exchanges, name, type),
      this.#call('hget', this.#keys.exchanges, name),
    ])
    const known = String(answer)
    if (known !== type) {
      throw new BrokerError(
        'LVG_TOPOLOGY_CONFLICT',
        `Exchange '${name}' is declared as ${type}, but it exists as ${known}. ` +
          'Declare it with the same type everywhere, or give the new one another name.',
        { transient: false },
      )
    }
    this.#types.set(name, type)
  }

  #bind(binding: Binding): Promise<unknown> {
    return this.#call('sadd', this.#keys.binding(binding.exchange), this.#member(binding))
  }

  #keepBinding(binding: Binding): void {
    const known = this.#ownBindings.get(binding.queue)
    if (known === undefined) this.#ownBindings.set(binding.queue, [binding])
    else if (!known.some(one => this.#member(one) === this.#member(binding) && one.exchange === binding.exchange)) {
      known.push(binding)
    }
  }

  /** What this session has bound to the exchange is bound again: somebody may have removed the key (H37). */
  async #bindAgain(exchange: string): Promise<boolean> {
    const own = [...this.#ownBindings.values()].flat().filter(binding => binding.exchange === exchange)
    await Promise.all(own.map(binding => this.#bind(binding)))
    return own.length > 0
  }

  #subscribe({ exchange, routingKey, queue }: Binding): void {
    const subscription = { queue, exchange, pattern: this.#keys.channelPattern(exchange, routingKey) }
    const all = this.#subscriptions.get(queue)
    if (all === undefined) this.#subscriptions.set(queue, [subscription])
    else if (!all.some(one => one.pattern === subscription.pattern)) all.push(subscription)
  }

  /** `routing key, separator, pattern, separator, queue`. */
  #member({ exchangeType, routingKey, queue }: Binding): string {
    const { sep } = this.#keys
    const pattern = exchangeType === 'topic' ? kombuPattern(routingKey) : ''
    return [routingKey, pattern, queue].join(sep)
  }

  async #exists(queue: string): Promise<boolean> {
    if (this.#known.has(queue)) return true
    const { queues } = this.#keys
    const [declared, present] = await Promise.all([
      this.#call('hget', queues, queue),
      // A Python worker binds its queue to the exchange of the same name; else what is in it shows that it is there.
      this.#call('exists', this.#keys.binding(queue), ...this.#keys.lists(queue)),
    ])
    if (declared !== null) this.#remember(queue, String(declared) === 'd')
    return declared !== null || Number(present) > 0
  }

  /** What goes with its last consumer is looked for again each time, where it matters. */
  #remember(queue: string, autoDelete: boolean): void {
    if (!autoDelete) this.#known.add(queue)
    else if (this.#seen.size < MAX_SEEN) this.#seen.add(queue)
  }

  async #bound(exchange: string, type: ExchangeType, routingKey: string): Promise<readonly QueueName[]> {
    const found = await this.#matching(exchange, type, routingKey)
    if (found.length > 0 || !(await this.#bindAgain(exchange))) return found
    return await this.#matching(exchange, type, routingKey)
  }

  async #matching(exchange: string, type: ExchangeType, routingKey: string): Promise<readonly QueueName[]> {
    const members = await this.#members(exchange)
    const matching = members.filter(member => {
      if (type === 'fanout') return true
      return type === 'topic' ? matchesKombuPattern(member.pattern, routingKey) : member.routingKey === routingKey
    })
    return [...new Set(matching.map(member => member.queue))]
  }

  async #type(exchange: string): Promise<ExchangeType> {
    const known = this.#types.get(exchange)
    if (known !== undefined) return known
    const stored = String(await this.#call('hget', this.#keys.exchanges, exchange))
    if (stored !== 'direct' && stored !== 'topic' && stored !== 'fanout') return 'direct'
    this.#types.set(exchange, stored)
    return stored
  }

  async #members(exchange: string): Promise<readonly Member[]> {
    const members = (await this.#call('smembers', this.#keys.binding(exchange))) as readonly Buffer[]
    return members.flatMap(member => {
      const [routingKey = '', pattern = '', queue] = String(member).split(this.#keys.sep)
      return queue === undefined || queue === '' ? [] : [{ routingKey, pattern, queue: queue as QueueName }]
    })
  }

  /** Looks through all keys of the database, a thousand at a time. */
  async #exchanges(): Promise<readonly string[]> {
    const { bindingPrefix } = this.#keys
    const found = new Set<string>()
    let cursor = '0'
    do {
      const page = await this.#call('scan', cursor, 'match', `${globEscaped(bindingPrefix)}*`, 'count', 1000)
      const [next, names] = page as readonly [Buffer, readonly Buffer[]]
      for (const name of names) found.add(String(name).slice(bindingPrefix.length))
      cursor = String(next)
    } while (cursor !== '0')
    return [...found].sort()
  }

  #call(name: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#connection.call('looking at exchanges and queues', name, args)
  }
}

function globEscaped(text: string): string {
  return text.replace(/[\\*?[\]]/g, character => `\\${character}`)
}
