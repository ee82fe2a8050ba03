import { wireSettings } from '../../app/wire-settings.js'
import { pythonRepr } from '../../protocol/python-repr.js'
import type { WorkerView } from './worker-view.js'

/** What a bug report needs, as text. Source: celery/app/utils.py `bugreport`. */
export function report(
  worker: Pick<WorkerView, 'runtime' | 'settings' | 'origins' | 'brokerUrl' | 'backendUrl'>,
): unknown {
  const { settings, origins, brokerUrl, backendUrl } = worker
  const { software, system } = worker.runtime.host
  const changed = Object.entries(wireSettings(settings, origins, { withDefaults: false }))
  const lines = [
    '',
    `software -> lovage:${software?.lovage ?? 'unknown'} node:${software?.node ?? 'unknown'}`,
    `platform -> system:${system} arch:${software?.architecture ?? 'unknown'}`,
    `            kernel version:${software?.release ?? 'unknown'} imp:V8`,
    'loader   -> lovage',
    `settings -> transport:${brokerUrl.split(':', 1)[0]} results:${backendUrl ?? 'disabled'}`,
    '',
    ...changed.map(([name, value]) => `${name}: ${pythonRepr(value, MAX_VALUE)}`),
    '',
  ]
  return { ok: lines.join('\n') }
}

const MAX_VALUE = 2000
