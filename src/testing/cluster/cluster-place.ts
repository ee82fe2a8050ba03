import type { App } from '../../app/app.js'
import type { ResultBackend } from '../../backends/backend.js'
import { createMemoryBackend } from '../../backends/memory/memory-backend.js'
import { MemoryBackendWorld } from '../../backends/memory/memory-backend-world.js'
import type { Broker, BrokerFeatures } from '../../brokers/broker.js'
import { MemoryQueueStore } from '../../brokers/memory/memory-queue-store.js'
import { MemorySession } from '../../brokers/memory/memory-session.js'
import type { StoreSession } from '../../brokers/virtual/queue-store.js'
import { createVirtualBroker } from '../../brokers/virtual/virtual-broker.js'
import type { Log, Runtime } from '../../lib/runtime.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import { linkedBackend } from '../sim/linked-backend.js'
import { linkedQueueStore } from '../sim/linked-queue-store.js'
import { SimClock } from '../sim/sim-clock.js'
import { SimLink } from '../sim/sim-link.js'
import { SimProcess } from '../sim/sim-process.js'
import { SimRandom } from '../sim/sim-random.js'
import { type Recording, RecordingSession, recordingQueueStore } from './recording-queue-store.js'
import type { RunningHandlers } from './running-handlers.js'

/**
 * Leases are not kept by renewing, which would fill virtual days with events: they last for ever, and end `leaseTime`
 * after a crash.
 */
const FOR_EVER: Ms = 100 * 365 * 86_400_000

/** Of the memory broker; without leases workers need not look after theirs. */
const FEATURES: BrokerFeatures = {
  delays: true,
  publishDedupe: true,
  leases: false,
  exchanges: ['direct', 'topic', 'fanout'],
  durable: false,
}

const URL = 'memory://'

/** Everything arrives at the instant at which it is sent: tests reckon with times that the code under test has chosen. */
const NO_LATENCY: { readonly min: Ms; readonly max: Ms } = { min: 0, max: 0 }

export interface ClusterPlaceOptions {
  readonly seed: number | string
  /** Wall time at the beginning. */
  readonly epoch: EpochMs
  readonly log: Log
  readonly handlers: RunningHandlers
}

/** Where a test cluster lives: true time, one broker's store, one store of results; and the way to them for processes. */
export class ClusterPlace {
  readonly clock: SimClock
  /** Of the test itself: true time, never killed. */
  readonly runtime: Runtime
  readonly #options: ClusterPlaceOptions
  readonly #random: SimRandom
  readonly #store: MemoryQueueStore
  readonly #results: MemoryBackendWorld
  #pids = 0

  constructor(options: ClusterPlaceOptions) {
    this.#options = options
    this.#random = new SimRandom(options.seed)
    this.clock = new SimClock(this.#random.split('schedule'))
    this.runtime = this.runtimeOf(this.process('test'))
    const times = { leaseMs: 2 * FOR_EVER, renewMs: FOR_EVER, lookAgainMs: FOR_EVER }
    this.#store = new MemoryQueueStore(this.runtime, times)
    this.#results = new MemoryBackendWorld(this.runtime)
  }

  process(name: string): SimProcess {
    const pid = 1000 + this.#pids++
    const random = this.#random.split(`${name} ${pid}`)
    return new SimProcess({ name, pid, clock: this.clock, random, epoch: this.#options.epoch, trace: () => undefined })
  }

  runtimeOf(process: SimProcess): Runtime {
    const { clock, random, host } = process.runtime
    const { handlers, log } = this.#options
    return { clock: handlers.clock(clock), random, log, host: { ...host, name: 'test' } }
  }

  /** The broker next door: for the test and for every client. */
  clientBroker(recording: Recording): Broker {
    const store = recordingQueueStore(this.#store.seenBy(this.runtime), recording)
    return createVirtualBroker({ url: URL, store, features: FEATURES, runtime: this.runtime })
  }

  clientBackend(): ResultBackend {
    return createMemoryBackend({ runtime: this.runtime, world: this.#results })
  }

  /** As a process reaches the broker that can be killed; its messages come back when its lease is over. */
  brokerOf(process: SimProcess, recording: Recording, leaseMs: Ms): Broker {
    const abandon = (session: StoreSession): void => {
      const inner = session instanceof RecordingSession ? session.inner : session
      if (process.alive || !(inner instanceof MemorySession)) return
      this.clock.schedule(leaseMs, () => inner.expire())
    }
    const seen = recordingQueueStore(this.#store.seenBy(this.runtime), recording)
    const store = linkedQueueStore(this.#link(process, 'broker'), seen, { drop: abandon })
    return createVirtualBroker({ url: URL, store, features: FEATURES, runtime: process.runtime })
  }

  backendOf(process: SimProcess): ResultBackend {
    return linkedBackend(this.#link(process, 'backend'), this.clientBackend())
  }

  #link(process: SimProcess, place: string): SimLink {
    const random = this.#random.split(`link ${process.name} ${process.runtime.host.pid} ${place}`)
    return new SimLink(process, { clock: this.clock, random, trace: () => undefined }, { place, latency: NO_LATENCY })
  }
}

/** Does this app store results at all? */
export function keepsResults({ settings }: App): boolean {
  return settings.resultBackend !== undefined && !/^disabled(:\/\/)?$/.test(settings.resultBackend)
}
