import type { EventDispatcher } from '../events/event-dispatcher.js'
import { packageVersion } from '../lib/node-package-version.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'

export interface HeartbeatParts {
  readonly runtime: Runtime
  readonly dispatcher: EventDispatcher
  readonly interval: Ms
  /** Executions under way. */
  active(): number
  /** Executions begun since the start. */
  processed(): number
}

/**
 * Tells that this worker lives: `worker-online` when it can be heard, `worker-heartbeat` each interval, `worker-offline` when it
 * goes. What nobody can hear is not kept for later: an old heartbeat says nothing.
 * Source: celery/worker/heartbeat.py `Heart`.
 */
export class Heartbeat {
  readonly #parts: HeartbeatParts
  readonly #software: Readonly<Record<string, string>>
  #timer: Disposable | undefined

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
    this.#software = { swIdent: 'lovage', swVer: packageVersion(), swSys: parts.runtime.host.system }
  }

  start(): void {
    this.#tell('worker-online')
    this.#next()
  }

  stop(): void {
    if (this.#timer === undefined) return
    this.#timer[Symbol.dispose]()
    this.#timer = undefined
    this.#tell('worker-offline')
  }

  /** Asked for by a monitor that has just come (control command `heartbeat`). Source: celery/worker/control.py `heartbeat`. */
  tellNow(): void {
    this.#parts.dispatcher.sendNow('worker-heartbeat', { freq: ASKED_FREQUENCY, ...this.#software })
  }

  #next(): void {
    const { runtime, interval } = this.#parts
    this.#timer = runtime.clock.timer(interval, () => {
      this.#tell('worker-heartbeat')
      this.#next()
    })
  }

  #tell(type: string): void {
    const { runtime, dispatcher, interval } = this.#parts
    dispatcher.sendNow(type, {
      freq: interval,
      active: this.#parts.active(),
      processed: this.#parts.processed(),
      loadavg: runtime.host.loadAverage().map(load => Math.ceil(load * 100) / 100),
      ...this.#software,
    })
  }
}

/** Celery names 5 s there, whatever the interval is. */
const ASKED_FREQUENCY: Ms = 5000
