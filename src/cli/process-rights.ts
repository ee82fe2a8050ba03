import { ownRights } from './own-rights.js'
import { dropRights, findRights, parseUmask, type Rights, type WantedRights } from './rights.js'

export interface WantedProcess extends WantedRights {
  /** Octal, as typed. */
  readonly umask: string | undefined
}

/** Group may read, others nothing (S90). */
const DAEMON_UMASK = 0o027

/**
 * What options or environment ask for, before anything is loaded: the mask holds from now on, the rights are found and not yet given
 * up. `starts`: this process only starts one in the background, which is to have a daemon's mask by default.
 */
export function takeUmask({ umask, ...rights }: WantedProcess, starts: boolean): Rights | undefined {
  const mask = parseUmask(umask) ?? (starts ? DAEMON_UMASK : undefined)
  if (mask !== undefined) process.umask(mask)
  return findRights(rights)
}

/** What a settings file asks for is known only when it, and the app, are loaded. */
export function takeLateRights(wanted: WantedProcess): void {
  dropRights(takeUmask(wanted, false), ownRights())
}
