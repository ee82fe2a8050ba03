import type { Connection, Consumer, Queue } from '../brokers/broker.js'
import { ClusterFold } from '../events/cluster-state.js'
import { type Candidature, Elections } from '../events/elections.js'
import type { EventDispatcher } from '../events/event-dispatcher.js'
import type { EventReader } from '../events/event-reader.js'
import type { ReceivedEvent } from '../events/received-event.js'
import { SkewWatch } from '../events/skew-watch.js'
import { isAlive, type WorkerState } from '../events/worker-state.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { NodeName } from '../protocol/ids.js'
import type { Companion } from './companion.js'
import { Namesakes } from './namesakes.js'

/** A neighbour came, said good-bye, or has missed its heartbeats. */
export type NodeChange = 'join' | 'leave' | 'lost'

export interface GossipParts {
  readonly runtime: Runtime
  readonly self: NodeName
  readonly dispatcher: EventDispatcher
  readonly reader: EventReader
  /** Bound to `worker.#`. */
  readonly queue: Queue
  /** What an election was about, when this worker has won it: topic `task` brings a signature to be published. */
  elected(topic: string, action: unknown): void
  changed?(change: NodeChange, worker: WorkerState): void
}

/** How often the table of neighbours is looked through. Source: celery/worker/consumer/gossip.py `interval`. */
const LOOK: Ms = 5000
const PREFETCH = 1000

/**
 * Hears what the other workers tell of themselves: keeps the clock with theirs, knows who lives, and takes part in
 * elections. Events decide nothing else (S77): tasks go on as if nobody had spoken.
 * Source: celery/worker/consumer/gossip.py `Gossip`.
 */
export class Gossip implements Companion {
  readonly name = 'gossip'
  readonly #parts: GossipParts
  readonly #neighbours = new ClusterFold({ maxTasks: 1 })
  readonly #elections = new Elections()
  readonly #skews = new SkewWatch()
  readonly #namesakes: Namesakes

  constructor(parts: GossipParts) {
    this.#parts = parts
    this.#namesakes = new Namesakes(parts.runtime.host.pid)
  }

  /** Other workers that give signs of life. */
  get neighbours(): readonly WorkerState[] {
    const { self, runtime } = this.#parts
    return this.#neighbours.aliveWorkers(runtime.clock.steady()).filter(worker => worker.hostname !== self)
  }

  /** Stands in an election (control command `election`). */
  election(id: string, topic: string, action: unknown): void {
    this.#elections.stand(id)
    this.#parts.dispatcher.send('worker-elect', { id, topic, action: action ?? null, cver: 1 })
  }

  async join(connection: Connection): Promise<AsyncDisposable> {
    const consumer = await connection.consume([this.#parts.queue], PREFETCH)
    const hearing = this.#hear(consumer)
    const looking = this.#lookNowAndThen()
    return {
      async [Symbol.asyncDispose]() {
        looking[Symbol.dispose]()
        await consumer[Symbol.asyncDispose]()
        await hearing
      },
    }
  }

  async #hear(consumer: Consumer): Promise<void> {
    for await (const deliveries of consumer) {
      for (const { message, routingKey } of deliveries) {
        // Where a broker delivers whatever was published (Redis without fanout patterns).
        if (routingKey.startsWith('task')) continue
        for (const event of this.#parts.reader.read(message)) this.#heard(event)
      }
      await Promise.allSettled(deliveries.map(delivery => delivery.ack()))
    }
  }

  #heard(event: ReceivedEvent): void {
    switch (event.type) {
      case 'worker-elect':
        this.#candidature(event)
        return
      case 'worker-elect-ack':
        this.#acknowledged(event)
        return
      default:
        if (event.hostname === this.#parts.self) this.#ourName(event)
        else this.#neighbour(event)
    }
  }

  /** Ourselves, or somebody who takes our name in vain. */
  #ourName(event: ReceivedEvent): void {
    const { self, runtime } = this.#parts
    const pid = this.#namesakes.notice(event)
    if (pid === undefined) return
    runtime.log.warning(
      `Another worker, process ${pid}, lives under the name ${self}. Commands to one reach both, and monitors see one. Give each a name of its own: -n one@%h.`,
      { pid },
    )
  }

  #neighbour(event: ReceivedEvent): void {
    const { log } = this.#parts.runtime
    const before = this.#neighbours.worker(event.hostname)
    this.#neighbours.apply([event])
    const after = this.#neighbours.worker(event.hostname)
    if (after === undefined) return
    const skew = this.#skews.notice(event)
    if (skew !== undefined) log.warning(skew)
    if (event.type === 'worker-offline') this.#tell('leave', after)
    else if (event.type === 'worker-online' || before === undefined || !isAlive(before, event.seenAt)) {
      this.#tell('join', after)
    }
  }

  #candidature(event: ReceivedEvent): void {
    const { log } = this.#parts.runtime
    if (!this.#elections.candidature(event)) {
      log.error(`A candidature from ${event.hostname} was dropped: it lacks id, pid, topic, action or cver.`)
      return
    }
    this.#parts.dispatcher.send('worker-elect-ack', { id: event.fields['id'] })
    this.#decide(event)
  }

  #acknowledged(event: ReceivedEvent): void {
    this.#elections.acknowledged(event)
    this.#decide(event)
  }

  #decide(event: ReceivedEvent): void {
    const id = String(event.fields['id'])
    const winner = this.#elections.winner(id, this.neighbours.length)
    if (winner !== undefined) this.#decided(id, winner)
  }

  #decided(id: string, { candidate, topic, action }: Candidature): void {
    const { self, runtime, elected } = this.#parts
    if (candidate !== `${self}.${runtime.host.pid}`) {
      runtime.log.info(`Election ${id}: ${candidate} has won.`)
      return
    }
    runtime.log.info(`Election ${id}: won by this worker.`)
    elected(topic, action)
  }

  #tell(change: NodeChange, worker: WorkerState): void {
    const { log } = this.#parts.runtime
    if (change === 'lost') log.info(`missed heartbeat from ${worker.hostname}`)
    else log.debug(change === 'join' ? `${worker.hostname} joined the party` : `${worker.hostname} left`)
    this.#parts.changed?.(change, worker)
  }

  #lookNowAndThen(): Disposable {
    const { clock } = this.#parts.runtime
    let timer: Disposable
    const look = (): void => {
      timer = clock.timer(LOOK, look)
      this.#look()
    }
    timer = clock.timer(LOOK, look)
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
  }

  /** Who has missed two heartbeats is gone from the table, so that it never holds ghosts (H77). */
  #look(): void {
    const now = this.#parts.runtime.clock.steady()
    for (const worker of this.#neighbours.state.workers) {
      if (isAlive(worker, now)) continue
      if (!worker.offline) this.#tell('lost', worker)
      this.#neighbours.forget(worker)
    }
  }
}
