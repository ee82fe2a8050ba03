import { ConfigError } from '../lib/errors.js'
import type { RightsProcess } from './rights.js'

/** Where systems have no such rights, nothing is wanted but by mistake, and that is said. */
export function ownRights(): RightsProcess {
  // Node has these four on POSIX systems; its types know three.
  const { getuid, setuid, setgid, initgroups } = process as Partial<RightsProcess>
  const none = (): never => {
    throw new ConfigError('LVG_RIGHTS', 'This system knows no --uid and --gid.')
  }
  return {
    getuid: getuid ?? none,
    setuid: setuid ?? none,
    setgid: setgid ?? none,
    initgroups: initgroups ?? none,
  }
}
