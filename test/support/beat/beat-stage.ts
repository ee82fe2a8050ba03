import { currentTask } from '../../../src/app/current-task.js'
import type { SettingsInput } from '../../../src/app/settings.js'
import { beatParts } from '../../../src/beat/app-beat.js'
import { Beat, type BeatTimes } from '../../../src/beat/beat.js'
import type { DjangoDatabase } from '../../../src/beat/django/django-database.js'
import { MemoryBeatStore } from '../../../src/beat/memory-beat-store.js'
import { ScheduleBook } from '../../../src/beat/schedule-book.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import { LinkedBeatStore } from '../../../src/testing/sim/linked-beat-store.js'
import { SimCluster, type SimNode } from '../../../src/testing/sim/sim-cluster.js'
import type { SimLink } from '../../../src/testing/sim/sim-link.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'

export interface BeatNode extends SimNode {
  readonly beat: Beat
  readonly store: SimLink
}

export interface Run {
  readonly id: string
  readonly at: EpochMs
  readonly args: readonly unknown[]
}

export interface BeatStageOptions {
  readonly times?: BeatTimes
  readonly work?: (...args: readonly unknown[]) => unknown
  readonly django?: DjangoDatabase
}

/** Beats, a worker that runs the task `t`, and their store, in virtual time. */
export class BeatStage {
  readonly world: SimWorld
  readonly cluster: SimCluster
  readonly store: MemoryBeatStore
  readonly runs: Run[] = []
  readonly book: ScheduleBook
  readonly #times: BeatTimes
  readonly #django: DjangoDatabase | undefined
  #nodes = 0

  constructor(world: SimWorld, settings: SettingsInput, { times = {}, work, django }: BeatStageOptions = {}) {
    this.world = world
    this.#django = django
    this.#times = times
    this.cluster = new SimCluster(world, {
      settings,
      leaseMs: 2000,
      renewMs: 500,
      tasks: app => {
        app.task('t', async (...args: readonly unknown[]) => {
          this.runs.push({ id: currentTask().id, at: world.runtime.clock.now(), args })
          return await work?.(...args)
        })
      },
    })
    this.store = new MemoryBeatStore(world.runtime.clock)
    const client = this.cluster.client('person')
    this.book = new ScheduleBook(beatParts(client.app, this.store, django))
  }

  /** Starts at once, or as soon as it reaches the store. */
  beat(name = `beat${++this.#nodes}`, times: BeatTimes = this.#times): BeatNode {
    const node = this.cluster.client(name)
    const store = this.world.link(node.process, { place: 'store' })
    const linked = new LinkedBeatStore(node.process.runtime.clock, store, this.store)
    const beat = new Beat(beatParts(node.app, linked, this.#django), times)
    beat.start(new AbortController().signal).catch(error => {
      node.process.runtime.log.critical(`start failed: ${String(error)}`)
    })
    return { ...node, store, beat }
  }

  /** The ids that were run, each once, in the order in which they first were. */
  get ids(): readonly string[] {
    return [...new Set(this.runs.map(({ id }) => id))]
  }

  sleep(ms: Ms): Promise<void> {
    return this.world.sleep(ms)
  }
}
