import { Worker } from 'node:worker_threads'
import { deferred } from '../lib/deferred.js'
import type { Clock, Random } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'

/*
 * Something that must go on whatever the user's code does to the event loop: it runs on a thread of its own. Its module
 * exports `service`, a `ServiceFactory`; tests call the factory themselves, with the clock they like.
 */

/** What a service is given besides its configuration. */
export interface ServiceWorld {
  readonly clock: Clock
  readonly random: Random
  /** The kernel's monotonic clock, the same for every thread and process of this machine. */
  monotonic(): Ms
  /** Tells the owner; structured clone. */
  emit(event: unknown): void
}

/** Begins at once. Disposing ends it in good order, within its own deadlines. */
export type ServiceFactory<Config> = (config: Config, world: ServiceWorld) => AsyncDisposable

export interface ServiceOptions<Config> {
  /** The module that exports `service`. */
  readonly module: URL
  /** Structured clone; a `SharedArrayBuffer` stays shared. */
  readonly config: Config
  readonly name: string
  onEvent(event: unknown): void
  /** The thread died of itself: a bug, or memory. */
  onDeath(cause: unknown): void
}

export interface ServiceData {
  readonly module: string
  readonly config: unknown
}

export type FromService = { readonly kind: 'event'; readonly event: unknown } | { readonly kind: 'ended' }

/** How long a good end may take before the thread is ended by force. */
const END_MS: Ms = 5_000

/** It does not keep the process alive, except while it is being ended. */
export class ServiceThread<Config> implements AsyncDisposable {
  readonly #thread: Worker
  readonly #exited = deferred()
  #ending: Promise<void> | undefined

  constructor(options: ServiceOptions<Config>) {
    const data: ServiceData = { module: options.module.href, config: options.config }
    this.#thread = new Worker(new URL('./service-thread-entry.js', import.meta.url), {
      name: options.name,
      workerData: data,
      execArgv: [],
    })
    this.#thread.unref()
    this.#thread.on('message', (message: FromService) => {
      if (message.kind === 'event') options.onEvent(message.event)
    })
    let cause: unknown
    this.#thread.on('error', error => {
      cause = error
    })
    this.#thread.on('exit', () => {
      this.#exited.resolve()
      if (this.#ending === undefined) options.onDeath(cause)
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #end(): Promise<void> {
    this.#thread.ref()
    this.#thread.postMessage('end')
    const force = setTimeout(() => void this.#thread.terminate(), END_MS)
    await this.#exited.promise
    clearTimeout(force)
  }
}
