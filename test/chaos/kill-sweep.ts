import { SimRandom } from '../../src/testing/sim/sim-random.js'
import { PLANNED_TASK } from './chaos-app.js'
import { type ChaosProcess, Cluster, type ClusterSettings, pause, type WorkerProgram } from './cluster.js'
import { monotonic } from './journal.js'
import { type History, judge, type StoredResult, type Verdict } from './judge.js'
import { planTasks } from './plan.js'

export interface SweepOptions {
  readonly seed: string
  readonly kills: number
  readonly tasks: number
  readonly workers: number
  readonly acks: 'late' | 'early'
  /** Longest task, ms: below the mean life of a worker, or it hardly ever ends. */
  readonly longest: number
  readonly cluster?: Partial<ClusterSettings>
  /** Default `program`. */
  readonly program?: WorkerProgram
  /**
   * `at-once`: SIGKILL. `after-term`: TERM, and SIGKILL to whoever still runs after 0–3 s, as orchestrators do (F08).
   * Default `at-once`.
   */
  readonly killing?: 'at-once' | 'after-term'
  progress?(done: number, kills: number): void
}

export interface SweepReport {
  readonly options: Omit<SweepOptions, 'progress'>
  readonly verdict: Verdict
  readonly seconds: number
  readonly kills: number
  /** From a kill until every attempt that was in flight goes on elsewhere, ms. */
  readonly recovery: { readonly median: number; readonly longest: number }
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

/** The producer and the kills have this long without any progress before the run is called stuck, ms. */
const STUCK = 60_000

const TICK = 5

/**
 * Workers under a load, killed with SIGKILL one after another at instants that the seed draws, each replaced at once; then
 * no more kills, until all is done; then the verdict. The instants are drawn as a number of finished tasks and a wait
 * of up to 30 ms behind it, so that all kills meet the load, however fast the machine.
 */
export async function killSweep(options: SweepOptions): Promise<SweepReport> {
  await using cluster = new Cluster({ acks: options.acks, maxDeliveries: MAX_DELIVERIES, ...options.cluster })
  const sweep = new Sweep(cluster, options)
  return await sweep.run()
}

class Sweep {
  readonly #cluster: Cluster
  readonly #options: SweepOptions
  readonly #random: SimRandom
  readonly #slots: ChaosProcess[] = []
  readonly #troubles: string[] = []
  #done = 0
  #kills = 0
  #gap = 0
  #lastProgress = monotonic()

  constructor(cluster: Cluster, options: SweepOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#random = new SimRandom(options.seed).split('kills')
  }

  async run(): Promise<SweepReport> {
    const started = monotonic()
    const { seed, tasks, longest, workers } = this.#options
    for (let slot = 0; slot < workers; slot++) this.#slots.push(this.#startWorker())
    await Promise.all(this.#slots.map(worker => worker.ready))
    const producer = this.#cluster.startProducer(seed, String(tasks), String(longest))
    producer.tell(BACKLOG)
    this.#lastProgress = monotonic()
    await this.#attempt(async () => {
      await this.#killWhileWorking(producer)
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

  async #killWhileWorking(producer: ChaosProcess): Promise<void> {
    for (const { after, wait, slot } of this.#schedule()) {
      while (this.#done < after) {
        this.#look(producer)
        await pause(TICK)
      }
      await pause(wait)
      this.#look(producer)
      await this.#end(slot)
      this.#slots[slot] = this.#startWorker()
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

  #startWorker(): ChaosProcess {
    return this.#cluster.startWorker(this.#options.program)
  }

  /** By the number of tasks done, ascending; all within the first 95 %. */
  #schedule(): readonly { readonly after: number; readonly wait: number; readonly slot: number }[] {
    const { kills, tasks, workers } = this.#options
    const random = this.#random
    const moments = Array.from({ length: kills }, () => ({
      after: random.int(0, Math.floor(tasks * 0.95)),
      wait: random.between(0, 30),
      slot: random.int(0, workers - 1),
    }))
    return moments.sort((a, b) => a.after - b.after)
  }

  /** Until nothing waits and nothing runs; looked at repeatedly, since between end and retry a task is in no journal. */
  async #drain(producer: ChaosProcess): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      this.#look(producer)
      quiet = !producer.running && this.#idle() && (await this.#cluster.empty()) ? quiet + 1 : 0
      await pause(100)
    }
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
      this.#options.progress?.(this.#done, this.#kills)
    } else if (now - this.#lastProgress > STUCK) {
      throw new Error(`nothing has moved for ${STUCK / 1000} s, after ${this.#done} acks and ${this.#kills} kills`)
    }
  }

  async #report(started: number): Promise<SweepReport> {
    const { progress: _, ...options } = this.#options
    const { processes, settings, workers } = this.#cluster
    const histories = processes.map(({ name, killedAt, lines }): History => ({ name, killedAt, lines }))
    const plan = planTasks(options.seed, options.tasks, options.longest)
    const results = await this.#results(plan.map(({ id }) => id))
    const queues = await this.#cluster.queues()
    const complaints = complaintsOf(processes)
    const leftovers = await this.#cluster.close()
    const verdict = judge({
      acks: options.acks,
      maxDeliveries: settings.maxDeliveries,
      plan: new Map(plan.map(({ id, kind }) => [id, kind])),
      histories,
      results,
      queues,
      leftovers,
    })
    const recoveries = recoveryTimes(histories)
    return {
      options,
      verdict: { ...verdict, faults: [...this.#troubles, ...verdict.faults] },
      seconds: (monotonic() - started) / 1000,
      kills: this.#kills,
      recovery: {
        median: recoveries[Math.floor(recoveries.length / 2)] ?? 0,
        longest: recoveries.at(-1) ?? 0,
      },
      longestGap: this.#gap,
      peakMemory: Math.max(...workers.map(worker => worker.peakMemory)),
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

/** Ascending. For each kill: until the last of its attempts in flight was started again, or acked, by somebody else. */
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
  return times.sort((a, b) => a - b)
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
