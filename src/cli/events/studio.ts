import { ClusterFold } from '../../events/cluster-state.js'
import type { ReceivedEvent } from '../../events/received-event.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { type Camera, cleared } from './camera.js'

/** Source: celery/events/snapshot.py `cleanup_freq`. */
const CLEANUP: Ms = 3_600_000

/** A camera and what stands before it. One picture at a time: one that takes long is waited for. */
export class Studio {
  readonly #runtime: Pick<Runtime, 'clock' | 'log'>
  readonly #camera: Camera
  #fold = new ClusterFold()
  #busy: Promise<void> = Promise.resolve()
  #taking = false

  constructor(runtime: Pick<Runtime, 'clock' | 'log'>, camera: Camera) {
    this.#runtime = runtime
    this.#camera = camera
  }

  take(heard: readonly ReceivedEvent[]): void {
    this.#fold.apply(heard)
  }

  start(every: Ms): Disposable {
    const pictures = this.#repeat(every, () => this.#shoot())
    const cleanups = this.#repeat(CLEANUP, () => this.#guarded('onCleanup', () => this.#camera.onCleanup?.()))
    return {
      [Symbol.dispose]: () => {
        pictures[Symbol.dispose]()
        cleanups[Symbol.dispose]()
      },
    }
  }

  /** A last picture of what has come since. */
  async last(): Promise<void> {
    await this.#busy
    this.#shoot()
    await this.#busy
  }

  #shoot(): void {
    if (this.#taking) return
    this.#taking = true
    const { state } = this.#fold
    if (this.#camera.clearAfter === true) this.#fold = new ClusterFold({}, cleared(state))
    this.#busy = this.#guarded('onShutter', () => this.#camera.onShutter(state)).finally(() => {
      this.#taking = false
    })
  }

  /** A camera's error spoils one picture, not the next. */
  async #guarded(what: string, act: () => unknown): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#runtime.log.error(`The camera's ${what} failed: ${String(error)}`, { error })
    }
  }

  #repeat(every: Ms, act: () => unknown): Disposable {
    const { clock } = this.#runtime
    let timer: Disposable
    const ring = (): void => {
      timer = clock.timer(every, ring)
      act()
    }
    timer = clock.timer(every, ring)
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
  }
}
