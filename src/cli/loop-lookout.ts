import { ServiceThread } from '../drivers/service-thread.js'
import type { LoopBeat } from '../lib/loop-beat.js'
import type { LookoutConfig } from '../worker/loop-lookout.js'
import type { Worker } from '../worker.js'
import type { LoadedApp } from './loaded-app.js'

/** A thread that tells, in the worker's log, of an event loop that stands still, while it does. */
export function loopLookout({ app, logOptions }: LoadedApp, worker: Worker, beat: LoopBeat): AsyncDisposable {
  const config: LookoutConfig = {
    buffer: beat.buffer,
    worker: worker.name,
    limit: app.settings.workerLoopLagLimit,
    // A thread cannot see that its process writes to a terminal.
    log: { ...logOptions, color: logOptions.color ?? false },
  }
  return new ServiceThread({
    module: new URL('../worker/loop-lookout.js', import.meta.url),
    config,
    name: 'loop lookout',
    onEvent: () => undefined,
    onDeath: cause => app.runtime.log.warning(`Nobody watches the event loop any more: ${String(cause)}`),
  })
}
