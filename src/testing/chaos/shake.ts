import { SimRandom } from '../sim/sim-random.js'
import { PLANNED_TASK, QUEUE } from './chaos-app.js'
import { ChaosCluster, type ChaosClusterOptions, type WorkerProgram } from './chaos-cluster.js'
import type { ChaosProcess } from './chaos-process.js'
import type { ChaosProxy } from './chaos-proxy.js'
import { type CutKind, type Fault, type FaultCounts, type PlannedFault, planFaults } from './faults.js'
import { type JournalLine, monotonic } from './journal.js'
import { type History, judge, type StoredResult, type Verdict } from './judge.js'
import { planTasks, type TaskKind } from './plan.js'
import { pause } from './waiting.js'

/** A broker that may be killed and started again. */
export interface ChaosServer {
  /** `crash`: killed where it stands; `clean`: told to stop, and waited for. */
  stop(how: 'crash' | 'clean'): Promise<void>
  /** Resolves when it takes connections. */
  start(): Promise<void>
}

export interface ShakeOptions {
  /** Load and faults follow from it; default: the time. */
  readonly seed?: string
  readonly tasks: number
  /** Default 3. */
  readonly workers?: number
  /** Default `late`. */
  readonly acks?: 'late' | 'early'
  /** Longest task, ms, default 600: below the mean life of a worker, or it hardly ever ends. */
  readonly longest?: number
  readonly faults: FaultCounts
  /** Where: see `ChaosCluster`. */
  readonly cluster?: ChaosClusterOptions
  /** Between everybody and the broker; `cluster.through.brokerUrl` is its URL. Needed for cuts. */
  readonly proxy?: ChaosProxy
  /** Needed for restarts. */
  readonly server?: ChaosServer
  /** What of the promises the broker cannot give; see `Facts`. */
  readonly promises?: { readonly ackTravel?: number; readonly publishDedupe?: boolean }
  /** Default `program`. */
  readonly program?: WorkerProgram
  /**
   * `at-once`: SIGKILL. `after-term`: TERM, and SIGKILL to whoever still runs after 0–3 s, as orchestrators do (F08).
   * Default `at-once`.
   */
  readonly killing?: 'at-once' | 'after-term'
  /** After healing everybody has to be handed messages again within so many ms. Default 10,000. */
  readonly reconnect?: number
  progress?(done: number, faults: number): void
}

/** Times in ms, ascending. */
export interface Times {
  readonly count: number
  readonly median: number
  readonly longest: number
}

export interface ShakeReport {
  readonly options: {
    readonly seed: string
    readonly tasks: number
    readonly workers: number
    readonly acks: 'late' | 'early'
    readonly longest: number
    readonly faults: FaultCounts
  }
  readonly verdict: Verdict
  readonly seconds: number
  readonly kills: number
  /** From a kill until every attempt that was in flight goes on elsewhere. */
  readonly recovery: Times
  /** From healing until every worker was handed messages again, by what had been broken. */
  readonly resumption: ReadonlyMap<string, Times>
  /** Longest time without a single task ending, ms. */
  readonly longestGap: number
  /** Of one worker, bytes; 0 = the system does not tell. */
  readonly peakMemory: number
  /** What workers complained of, by its text without numbers, and how often. */
  readonly complaints: ReadonlyMap<string, number>
}

/**
 * A message that its worker held when it was killed counts a fault, whether it had been started or not, and in a sweep
 * the oldest messages meet one kill after another. This is far above what chance does to any of them, so that poison
 * does not stand in for losses; that the default of 3 works, a scenario of its own shows.
 */
const MAX_DELIVERIES = 200

/** Tasks published and not yet acked: what workers find waiting. */
const BACKLOG = 2000

/** The producer and the faults have this long without any progress before the run is called stuck, ms. */
const STUCK = 60_000

/** Whoever has not taken a message so long after healing is not waited for any longer, ms. */
const GIVEN_UP = 45_000

/**
 * Where a message that is held back is counted nowhere (brokers without leases), an empty queue says nothing until it has
 * been empty for longer than any message is held back: 5 s by a connection whose copy of it was not taken, and 5 s by a
 * worker whose backend did not answer.
 */
const HELD_UNSEEN = 10_000

const TICK = 5

/**
 * Workers under a load, and faults at instants that the seed draws: kills, each replaced at once, freezes, restarts of the broker,
 * cuts of the network. Then no more faults, until all is done; then the verdict. What goes wrong is told by the report.
 */
export async function shake(options: ShakeOptions): Promise<ShakeReport> {
  const { acks = 'late' } = options
  await using cluster = new ChaosCluster({ maxDeliveries: MAX_DELIVERIES, ...options.cluster, acks })
  return await new Shaking(cluster, { ...options, acks }).run()
}

interface Given extends ShakeOptions {
  readonly seed: string
  readonly workers: number
  readonly acks: 'late' | 'early'
  readonly longest: number
}

class Shaking {
  readonly #cluster: ChaosCluster
  readonly #options: Given
  readonly #random: SimRandom
  readonly #slots: ChaosProcess[] = []
  readonly #troubles: string[] = []
  readonly #resumed = new Map<string, number[]>()
  readonly #plan: ReadonlyMap<string, TaskKind>
  readonly #progress: Progress
  #done = 0
  #kills = 0
  #faults = 0
  #gap = 0
  #lastProgress = monotonic()

  constructor(cluster: ChaosCluster, options: ShakeOptions & { readonly acks: 'late' | 'early' }) {
    const { seed = String(Date.now()), workers = 3, longest = 600 } = options
    this.#cluster = cluster
    this.#options = { ...options, seed, workers, longest }
    this.#random = new SimRandom(seed).split('kills')
    this.#plan = new Map(planTasks(seed, options.tasks, longest).map(({ id, kind }) => [id, kind]))
    this.#progress = new Progress(this.#plan)
    cluster.listen(line => this.#progress.hear(line))
  }

  async run(): Promise<ShakeReport> {
    const started = monotonic()
    const { seed, tasks, longest, workers } = this.#options
    for (let slot = 0; slot < workers; slot++) this.#slots.push(this.#startWorker())
    await Promise.all(this.#slots.map(worker => worker.ready))
    const producer = this.#cluster.startProducer(seed, tasks, longest)
    producer.tell(BACKLOG)
    this.#lastProgress = monotonic()
    await this.#attempt(async () => {
      await this.#breakThings(producer)
      await this.#drain(producer)
    })
    await this.#attempt(() => this.#cluster.stopWorkers())
    return await this.#report(started)
  }

  /** What goes wrong is a part of the report. */
  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      this.#troubles.push(error instanceof Error ? error.message : String(error))
    }
  }

  async #breakThings(producer: ChaosProcess): Promise<void> {
    const { tasks, workers, faults } = this.#options
    for (const planned of planFaults(this.#random, faults, { tasks, workers })) {
      await this.#await(planned, producer)
      await this.#break(planned.fault, producer)
      this.#faults++
    }
  }

  async #await({ after, wait }: PlannedFault, producer: ChaosProcess): Promise<void> {
    while (this.#done < after) {
      this.#look(producer)
      await pause(TICK)
    }
    await pause(wait)
    this.#look(producer)
  }

  async #break(fault: Fault, producer: ChaosProcess): Promise<void> {
    switch (fault.kind) {
      case 'kill':
        await this.#end(fault.slot)
        this.#slots[fault.slot] = this.#startWorker()
        return
      case 'freeze':
        return await this.#freeze(fault.slot, fault.ms)
      case 'restart':
        return await this.#restart(fault.how, fault.away, producer)
      case 'cut':
        return await this.#cut(fault.how, fault.ms, producer)
      default:
        return fault satisfies never
    }
  }

  async #end(slot: number): Promise<void> {
    const worker = this.#slots[slot]
    if (worker === undefined) return
    if (this.#options.killing === 'after-term') {
      worker.dismiss()
      await Promise.race([worker.ended, pause(this.#random.between(0, 3000))])
      if (!worker.running) return
    }
    await worker.kill()
    this.#kills++
  }

  async #freeze(slot: number, ms: number): Promise<void> {
    const worker = this.#slots[slot]
    if (worker === undefined) return
    const from = monotonic()
    worker.child.kill('SIGSTOP')
    await pause(ms)
    worker.child.kill('SIGCONT')
    worker.trouble.push({ from, to: monotonic() + 1000 })
  }

  async #restart(how: 'crash' | 'clean', away: number, producer: ChaosProcess): Promise<void> {
    const { server } = this.#options
    if (server === undefined) throw new Error('restarts need a `server`')
    await this.#during(`restart (${how})`, producer, async () => {
      await server.stop(how)
      await pause(away)
      await server.start()
    })
  }

  async #cut(how: CutKind, ms: number, producer: ChaosProcess): Promise<void> {
    const { proxy } = this.#options
    if (proxy === undefined) throw new Error('cuts need a `proxy`')
    await this.#during(`cut (${how})`, producer, async () => {
      await this.#apply(proxy, how, ms)
      await proxy.heal()
    })
  }

  async #apply(proxy: ChaosProxy, how: CutKind, ms: number): Promise<void> {
    switch (how) {
      case 'reset':
        return proxy.reset()
      case 'refuse':
        await proxy.refuse()
        return await pause(ms)
      case 'blackhole':
        proxy.blackhole()
        return await pause(ms)
      case 'half':
        proxy.blackhole({ direction: this.#random.next() < 0.5 ? 'up' : 'down' })
        return await pause(ms)
      case 'byte': {
        const cut = proxy.cutAfter(this.#random.int(1, 20_000), { connection: 'any' })
        return await Promise.race([cut, pause(2000)])
      }
      default:
        return how satisfies never
    }
  }

  /** Breaks something that concerns everybody, and waits until every worker is handed messages again. */
  async #during(name: string, producer: ChaosProcess, act: () => Promise<void>): Promise<void> {
    const present = this.#slots.filter(worker => worker.running)
    const from = monotonic()
    await act()
    const healed = monotonic()
    // A server takes its time to start.
    this.#lastProgress = Math.max(this.#lastProgress, healed)
    const waiting = new Set(present)
    while (waiting.size > 0 && monotonic() - healed < GIVEN_UP && this.#isLoaded()) {
      await pause(TICK)
      this.#look(producer)
      for (const worker of waiting) {
        const taken = worker.lines.findLast(({ kind, at }) => kind === 'taken' && at > healed)
        if (taken === undefined) continue
        waiting.delete(worker)
        worker.trouble.push({ from, to: monotonic() })
      }
    }
    producer.trouble.push({ from, to: monotonic() })
    for (const worker of waiting) worker.trouble.push({ from, to: monotonic() })
    if (!this.#isLoaded()) return
    const took = monotonic() - healed
    const known = this.#resumed.get(name)
    if (known === undefined) this.#resumed.set(name, [took])
    else known.push(took)
    const { reconnect = 10_000 } = this.#options
    if (took > reconnect) {
      const late = [...waiting].map(worker => worker.name)
      this.#troubles.push(
        `${Math.round(took)} ms after the end of a ${name} ${late.join(', ') || 'the last worker'} was handed messages again`,
      )
    }
  }

  /** There is more to do than the workers hold already: whoever works is handed messages. */
  #isLoaded(): boolean {
    return this.#options.tasks - this.#done > 2 * this.#options.workers * this.#cluster.window
  }

  #startWorker(): ChaosProcess {
    return this.#cluster.startWorker(this.#options.program)
  }

  /** Until everything has come to its end; or nothing is left to be done and something is missing all the same. */
  async #drain(producer: ChaosProcess): Promise<void> {
    const { features } = await this.#cluster.app.broker()
    const unseen = features.leases ? 0 : HELD_UNSEEN
    let over: number | undefined
    for (let quiet = 0; quiet < 3; ) {
      this.#look(producer)
      const done = this.#progress.complete && !producer.running
      const idle = !producer.running && this.#idle() && monotonic() - this.#lastProgress > STUCK / 2
      const empty = (done || idle) && (await this.#isEmpty())
      over = done && empty ? (over ?? monotonic()) : undefined
      if (over !== undefined && monotonic() - over >= unseen) return
      quiet = idle && empty ? quiet + 1 : 0
      await pause(100)
    }
  }

  async #isEmpty(): Promise<boolean> {
    const queues = await this.#cluster.queues()
    return queues.every(({ queue, ready, held, delayed }) => queue !== QUEUE || ready + held + delayed === 0)
  }

  #idle(): boolean {
    return this.#slots.every(({ lines }) => {
      const count = (kind: string): number => lines.filter(line => line.kind === kind).length
      return count('start') === count('end')
    })
  }

  /** Reads what is new in the journals, lets the producer go on, and throws when nothing moves. */
  #look(producer: ChaosProcess): void {
    const before = this.#done
    if (producer.running) producer.read()
    for (const worker of this.#slots) {
      worker.read()
      if (!worker.running && !worker.dismissed) throw new Error(`${worker.name} ended by itself:\n${worker.log()}`)
      if (worker.readyAt !== undefined) worker.lookAtMemory()
    }
    this.#done = this.#cluster.workers.reduce((sum, worker) => sum + worker.acks, 0)
    const now = monotonic()
    if (this.#done > before) {
      this.#gap = Math.max(this.#gap, now - this.#lastProgress)
      this.#lastProgress = now
      producer.tell(this.#done + BACKLOG)
      this.#options.progress?.(this.#done, this.#faults)
    } else if (now - this.#lastProgress > STUCK) {
      throw new Error(`nothing has moved for ${STUCK / 1000} s, after ${this.#done} acks and ${this.#faults} faults`)
    }
  }

  async #report(started: number): Promise<ShakeReport> {
    const { seed, tasks, workers, acks, longest, faults, promises } = this.#options
    const { processes, maxDeliveries } = this.#cluster
    const histories = processes.map(
      ({ name, killedAt, trouble, lines }): History => ({ name, killedAt, trouble, lines }),
    )
    const results = await this.#results([...this.#plan.keys()])
    const queues = await this.#cluster.queues()
    const complaints = complaintsOf(processes)
    const leftovers = await this.#cluster.close()
    const facts = { acks, maxDeliveries, plan: this.#plan, histories, results, queues, leftovers, ...promises }
    const verdict = judge(facts)
    return {
      options: { seed, tasks, workers, acks, longest, faults },
      verdict: { ...verdict, faults: [...this.#troubles, ...verdict.faults] },
      seconds: (monotonic() - started) / 1000,
      kills: this.#kills,
      recovery: timesOf(recoveryTimes(histories)),
      resumption: new Map([...this.#resumed].map(([name, times]) => [name, timesOf(times)])),
      longestGap: this.#gap,
      peakMemory: Math.max(...this.#cluster.workers.map(worker => worker.peakMemory)),
      complaints,
    }
  }

  async #results(ids: readonly string[]): Promise<ReadonlyMap<string, StoredResult>> {
    const results = new Map<string, StoredResult>()
    for (let from = 0; from < ids.length; from += 500) {
      const some = ids.slice(from, from + 500)
      const metas = await Promise.all(some.map(id => this.#cluster.app.result(id).meta()))
      for (const { taskId, status, result, error } of metas) {
        if (status !== 'PENDING') results.set(taskId, { status, value: error === undefined ? result : error.args[0] })
      }
    }
    return results
  }
}

/** Which of the accepted tasks have come to their end. */
class Progress {
  readonly #plan: ReadonlyMap<string, TaskKind>
  readonly #accepted = new Set<string>()
  readonly #ended = new Set<string>()

  constructor(plan: ReadonlyMap<string, TaskKind>) {
    this.#plan = plan
  }

  hear(line: JournalLine): void {
    if (line.kind === 'accepted') this.#accepted.add(line.id)
    if (line.kind !== 'end' && line.kind !== 'acked') return
    const last = this.#plan.get(line.id) === 'retry' ? 1 : 0
    if (line.retries >= last) this.#ended.add(`${line.kind} ${line.id}`)
  }

  get complete(): boolean {
    return [...this.#accepted].every(id => this.#ended.has(`end ${id}`) && this.#ended.has(`acked ${id}`))
  }
}

function timesOf(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b)
  return {
    count: sorted.length,
    median: sorted[Math.floor(sorted.length / 2)] ?? 0,
    longest: sorted.at(-1) ?? 0,
  }
}

/** For each kill: until the last of its attempts in flight was started again, or acked, by somebody else. */
function recoveryTimes(histories: readonly History[]): readonly number[] {
  const later = new Map<string, { readonly name: string; readonly at: number }[]>()
  for (const { name, lines } of histories) {
    for (const line of lines) {
      if (!('retries' in line) || (line.kind !== 'start' && line.kind !== 'asked')) continue
      const key = `${line.id}:${line.retries}`
      const known = later.get(key)
      if (known === undefined) later.set(key, [{ name, at: line.at }])
      else known.push({ name, at: line.at })
    }
  }
  const times: number[] = []
  for (const { name, killedAt, lines } of histories) {
    if (killedAt === undefined) continue
    let longest = 0
    for (const key of openAttempts(lines)) {
      const next =
        later
          .get(key)
          ?.filter(event => event.name !== name && event.at > killedAt)
          .map(event => event.at) ?? []
      if (next.length > 0) longest = Math.max(longest, Math.min(...next) - killedAt)
    }
    if (longest > 0) times.push(longest)
  }
  return times
}

function openAttempts(lines: History['lines']): ReadonlySet<string> {
  const open = new Set<string>()
  for (const line of lines) {
    if (!('retries' in line)) continue
    const key = `${line.id}:${line.retries}`
    if (line.kind === 'start') open.add(key)
    else if (line.kind === 'acked' || line.kind === 'stale') open.delete(key)
  }
  return open
}

/** Lines of warning and worse, except those of tasks that failed as planned. */
function complaintsOf(processes: readonly ChaosProcess[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const each of processes) {
    for (const line of each.log().split('\n')) {
      if (!/\b(warning|error|critical)\b/i.test(line) || line.includes(`Task ${PLANNED_TASK}[`)) continue
      const text = line.replace(/\d+(\.\d+)?/g, 'N').slice(0, 200)
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
  }
  return counts
}
