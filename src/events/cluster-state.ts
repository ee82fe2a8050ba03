import { LruMap } from '../lib/lru-map.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { ReceivedEvent } from './received-event.js'
import { type TaskState, taskAfter, textOfTask } from './task-state.js'
import { isAlive, type WorkerState, workerAfter, workerAtWork } from './worker-state.js'

/*
 * What a monitor knows of a cluster: a fold over events, and nothing else. An event is a claim (S77): it says what somebody
 * says. So each run of a worker (node name and process) has a record of its own that no other can overwrite; and who is said
 * to be offline is back with its next heartbeat. Rules for events out of order: celery/events/state.py.
 */

/** The cluster as it was after some event. Never changes. */
export interface ClusterState {
  /** Runs of workers, the one heard last first. */
  readonly workers: readonly WorkerState[]
  /** The task heard of last first. */
  readonly tasks: readonly TaskState[]
  /** Events folded, of any kind. */
  readonly eventCount: number
  /** `task-received` among them. */
  readonly taskCount: number
}

/** L15. What is beyond leaves, least recently heard of first. */
export interface ClusterLimits {
  /** Default 10,000. */
  readonly maxTasks?: number
  /** Default 5000. */
  readonly maxWorkers?: number
  /** Characters of all tasks' texts together. Default 64 million. */
  readonly maxText?: number
}

const MAX_TASKS = 10_000
const MAX_WORKERS = 5000
const MAX_TEXT = 64_000_000
/** Who was heard so lately need not be noted again: a busy worker tells of its tasks thousands of times a second. */
const RECENT: Ms = 100

export const EMPTY_CLUSTER: ClusterState = Object.freeze({ workers: [], tasks: [], eventCount: 0, taskCount: 0 })

/** The state after these events. For events one by one a `ClusterFold` is cheaper: this copies what it is given. */
export function foldEvents(
  state: ClusterState,
  events: Iterable<ReceivedEvent>,
  limits: ClusterLimits = {},
): ClusterState {
  const fold = new ClusterFold(limits, state)
  fold.apply(events)
  return fold.state
}

/** Folds events as they come, in constant time each, and gives the state when it is asked for. */
export class ClusterFold {
  readonly #maxText: number
  readonly #tasks: LruMap<string, TaskState>
  /** By node name and process. */
  readonly #runs: LruMap<string, WorkerState>
  /** Node name → the run that its tasks are taken to be of. */
  readonly #current: LruMap<string, string>
  #text = 0
  #eventCount = 0
  #taskCount = 0
  #state: ClusterState | undefined

  constructor(limits: ClusterLimits = {}, from: ClusterState = EMPTY_CLUSTER) {
    const { maxTasks = MAX_TASKS, maxWorkers = MAX_WORKERS, maxText = MAX_TEXT } = limits
    this.#maxText = maxText
    this.#tasks = new LruMap(maxTasks)
    this.#runs = new LruMap(maxWorkers)
    this.#current = new LruMap(maxWorkers)
    for (const worker of from.workers.toReversed()) this.#keepRun(worker)
    for (const task of from.tasks.toReversed()) this.#keepTask(undefined, task)
    this.#eventCount = from.eventCount
    this.#taskCount = from.taskCount
    this.#state = undefined
  }

  get state(): ClusterState {
    this.#state ??= Object.freeze({
      workers: [...this.#runs.values()],
      tasks: [...this.#tasks.values()],
      eventCount: this.#eventCount,
      taskCount: this.#taskCount,
    })
    return this.#state
  }

  get eventCount(): number {
    return this.#eventCount
  }

  task(uuid: string): TaskState | undefined {
    return this.#tasks.get(uuid)
  }

  /** The run that speaks under this node name. */
  worker(hostname: string): WorkerState | undefined {
    const key = this.#current.get(hostname)
    return key === undefined ? undefined : this.#runs.get(key)
  }

  /** All that give signs of life. Two of one name are two processes with the same name: give each its own. */
  aliveWorkers(now: SteadyMs): readonly WorkerState[] {
    return [...this.#runs.values()].filter(worker => isAlive(worker, now))
  }

  apply(events: Iterable<ReceivedEvent>): void {
    for (const event of events) this.#applyOne(event)
  }

  /** Forgets a run that gives no sign of life any more. */
  forget(worker: WorkerState): void {
    this.#state = undefined
    this.#runs.delete(runKey(worker.hostname, worker.pid))
  }

  #applyOne(event: ReceivedEvent): void {
    this.#state = undefined
    this.#eventCount++
    if (event.type.startsWith('task-')) this.#taskEvent(event)
    else if (event.type.startsWith('worker-')) this.#workerEvent(event)
  }

  #workerEvent(event: ReceivedEvent): void {
    const { hostname, pid } = event
    const key = runKey(hostname, pid)
    const before = this.#runs.get(key)
    // Who was never heard of is not known by its good-bye.
    if (before === undefined && event.type === 'worker-offline') return
    const unnamed = runKey(hostname, undefined)
    if (key !== unnamed) this.#runs.delete(unnamed)
    this.#runs.set(key, workerAfter(before, event))
    const current = this.worker(hostname)
    const takesOver = current === undefined || before === undefined || !isAlive(current, event.seenAt)
    if (takesOver) this.#current.set(hostname, key)
  }

  #taskEvent(event: ReceivedEvent): void {
    const uuid = event.fields['uuid'] as string
    if (event.type === 'task-received') this.#taskCount++
    if (event.type !== 'task-sent') this.#signOfLife(event)
    const before = this.#tasks.get(uuid)
    this.#keepTask(before, taskAfter(before, event))
  }

  #signOfLife(event: ReceivedEvent): void {
    const known = this.worker(event.hostname)
    // Tasks may still be told of when their worker has said good-bye.
    if (known !== undefined && (known.offline || event.seenAt - known.lastSeen < RECENT)) return
    this.#keepRun(workerAtWork(known, event))
  }

  #keepRun(worker: WorkerState): void {
    const key = runKey(worker.hostname, worker.pid)
    this.#runs.set(key, worker)
    if (this.worker(worker.hostname) === undefined) this.#current.set(worker.hostname, key)
  }

  #keepTask(before: TaskState | undefined, after: TaskState): void {
    if (before !== undefined) this.#text -= textOfTask(before)
    this.#text += textOfTask(after)
    let gone = this.#tasks.set(after.uuid, after)
    for (;;) {
      if (gone !== undefined) this.#text -= textOfTask(gone)
      if (this.#text <= this.#maxText || this.#tasks.size <= 1) return
      gone = this.#tasks.shift()
    }
  }
}

function runKey(hostname: string, pid: number | undefined): string {
  return `${hostname} ${pid ?? '?'}`
}
