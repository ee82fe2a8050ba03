import type { App } from '../app/app.js'
import type { Settings } from '../app/settings.js'
import type { Broker } from '../brokers/broker.js'
import type { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import { revokedToDict } from '../protocol/command-replies.js'
import { isDict } from '../protocol/dict.js'
import type { NodeName } from '../protocol/ids.js'
import type { Revoking } from './commands/worker-view.js'
import { foreignRevoked } from './foreign-revoked.js'
import { Mingle } from './mingle.js'
import { newestRevoked } from './newest-revoked.js'
import type { WorkerOptions } from './worker-options.js'

/** Half of what a request may take (L17). */
const MAX_TOLD = 512 * 1024
/** Source: celery/worker/consumer/mingle.py `send_hello`. */
const PATIENCE_SECONDS = 1

/** Not where this worker is deaf itself, nor, unless asked for, where each copy of a question to all is a write. */
export function mingles(
  { workerEnableRemoteControl, remoteControl }: Pick<Settings, 'workerEnableRemoteControl' | 'remoteControl'>,
  { withoutMingle }: Pick<WorkerOptions, 'withoutMingle'>,
  { features }: Pick<Broker, 'features'>,
): boolean {
  if (!workerEnableRemoteControl || remoteControl === 'none') return false
  return !(withoutMingle ?? features.storesBroadcasts === true)
}

/** Asks neighbours over the app's own remote control, which has a connection of its own. */
export function mingleWith(
  app: App,
  name: NodeName,
  runtime: Runtime,
  clock: LamportClock,
  revoking: Pick<Revoking, 'entries' | 'merge'>,
): Mingle {
  return new Mingle({
    runtime,
    self: name,
    clock,
    hello: signal => {
      const told = revokedToDict(newestRevoked(revoking.entries(), MAX_TOLD))
      return app.inspect({ timeout: PATIENCE_SECONDS, signal }).hello(name, told)
    },
    learn: reply => {
      if (!isDict(reply)) return undefined
      const { clock: theirs, revoked } = reply
      if (!Number.isSafeInteger(theirs)) return undefined
      const ids = foreignRevoked(revoked)
      if (ids.length > 0) revoking.merge(ids)
      return theirs as number
    },
  })
}
