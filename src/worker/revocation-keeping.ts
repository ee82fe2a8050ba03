import type { App } from '../app/app.js'
import type { ResultBackend } from '../backends/backend.js'
import { WholeFile } from '../drivers/whole-file.js'
import { expandFileName } from '../lib/file-name.js'
import type { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { SteadyMs } from '../lib/time.js'
import type { NodeName, TaskId } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Companion } from './companion.js'
import { dateDoneIn } from './date-done.js'
import { RevocationFollower } from './revocation-follower.js'
import { RevocationRecorder } from './revocation-recorder.js'
import { Revocations } from './revocations.js'
import { Revoker } from './revoker.js'
import { StateFile, type TextStore, type WorkerState } from './state-file.js'

export interface RevocationKeepingParts {
  readonly app: App
  readonly name: NodeName
  readonly runtime: Runtime
  readonly backend: ResultBackend | undefined
  readonly clock: LamportClock
  /** Instead of the file that `workerStateDb` names. */
  readonly state: TextStore | undefined
  discardRevoked(): void
  terminate(meant: (request: TaskRequest) => boolean, signal: string): readonly TaskId[]
}

/**
 * What a worker knows of revocations and how it stays so: they are in memory, where every task is looked up; in the worker's own
 * file, for its next start; in the store of results, for everybody who starts later.
 */
export class RevocationKeeping implements AsyncDisposable {
  readonly revocations: Revocations
  readonly revoker: Revoker
  readonly #parts: RevocationKeepingParts
  readonly #follower: RevocationFollower
  readonly #recorder: RevocationRecorder
  readonly #file: StateFile | undefined

  constructor(parts: RevocationKeepingParts) {
    const { app, name, runtime, backend, state } = parts
    const { revokeTtl: ttl, resultExpires, timezone, workerStateDb } = app.settings
    this.#parts = parts
    this.revocations = new Revocations(runtime.clock, ttl)
    this.#recorder = new RevocationRecorder({ runtime, backend, ttl, resultExpires, dateDone: dateDoneIn(timezone) })
    const store = state ?? stateStore(workerStateDb, name, runtime)
    this.#file = store === undefined ? undefined : new StateFile({ runtime, store, state: () => this.#state() })
    this.revoker = new Revoker({
      revocations: this.revocations,
      discardRevoked: () => parts.discardRevoked(),
      terminate: (meant, signal) => parts.terminate(meant, signal),
      record: entries => this.#recorder.record(entries),
      changed: () => this.#file?.changed(),
    })
    this.#follower = new RevocationFollower({
      runtime,
      log: backend?.revocations,
      ttl,
      learn: entries => this.revoker.learn(entries),
    })
  }

  /** Asks again what was revoked once remote control hears: what came between the start's look and that is not lost. */
  get companion(): Companion {
    return {
      name: 'revocations',
      join: async () => {
        await this.#follower.lookNow()
        return { [Symbol.asyncDispose]: async () => undefined }
      },
    }
  }

  /** Before the first message is taken: what was revoked while this worker was away. Rejects with `DamagedResultsError`. */
  async start(): Promise<void> {
    const kept = await this.#file?.load()
    if (kept !== undefined) this.#restore(kept)
    await this.#follower.start()
  }

  /** A delivery came. */
  look(): void {
    this.#follower.look()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#follower[Symbol.asyncDispose](),
      this.#recorder[Symbol.asyncDispose](),
      this.#file?.[Symbol.asyncDispose](),
    ])
  }

  #restore({ clock, revoked, roots, stamps }: WorkerState): void {
    const now = this.#parts.runtime.clock.now()
    for (const [id, at] of revoked) this.revocations.add([id], Math.max(0, now - at))
    for (const [root, at] of roots) this.revocations.addRoots([root], Math.max(0, now - at))
    this.revocations.addStamps(stamps)
    this.#parts.clock.adjust(clock)
  }

  #state(): WorkerState {
    const { clock, runtime } = this.#parts
    const now = runtime.clock.now()
    const steady = runtime.clock.steady()
    const dated = (entries: Iterable<readonly [TaskId, SteadyMs]>): WorkerState['revoked'] =>
      [...entries].map(([id, since]) => [id, now - (steady - since)])
    const { revocations } = this
    return {
      clock: clock.value,
      revoked: dated(revocations.entries()),
      roots: dated(revocations.roots()),
      stamps: revocations.stamps,
    }
  }
}

function stateStore(path: string | undefined, name: NodeName, { host }: Runtime): TextStore | undefined {
  return path === undefined ? undefined : new WholeFile(expandFileName(path, name, host.name))
}
