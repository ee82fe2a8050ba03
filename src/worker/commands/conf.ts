import { wireSettings } from '../../app/wire-settings.js'
import { CommandError } from '../../control/command-error.js'
import { confArguments } from '../../protocol/command-arguments.js'
import type { Dict } from '../../protocol/dict.js'
import { flag } from './check.js'
import type { WorkerView } from './worker-view.js'

/** Settings that were given, or all, under Celery's names, without secrets (S80, S82). */
export function conf(worker: Pick<WorkerView, 'settings' | 'origins'>, args: Dict): unknown {
  if (!worker.settings.remoteConf)
    throw new CommandError('PermissionError', 'conf is not allowed here: remoteConf is false')
  const { withDefaults } = confArguments(args)
  return wireSettings(worker.settings, worker.origins, { withDefaults: flag(withDefaults) })
}
