import { readFileSync } from 'node:fs'
import { ConfigError } from '../lib/errors.js'

/** Whom a worker is to run as; names or numbers. */
export interface WantedRights {
  readonly uid: string | undefined
  readonly gid: string | undefined
}

/** What is asked of the process; a test gives one of its own. */
export interface RightsProcess {
  getuid(): number
  initgroups(user: string, group: number): void
  setgid(gid: number): void
  setuid(uid: number): void
}

export interface User {
  readonly name: string
  readonly uid: number
  /** Of its own group. */
  readonly gid: number
}

export interface Rights {
  readonly user: User
  readonly gid: number
}

/**
 * Gives up root for good: groups, group, user, in this order, then proves that there is no way back (S93). Before any
 * module of the user's is loaded. Nothing is wanted: nothing is done.
 *
 * @throws ConfigError `LVG_RIGHTS` for a user or group that does not exist, or when this process is not root
 */
export function dropRights(rights: Rights | undefined, process: RightsProcess): void {
  if (rights === undefined) return
  const { user, gid } = rights
  if (process.getuid() !== 0) {
    if (process.getuid() === user.uid) return
    throw refused('only root may change the user; start it as root, or as that user and without --uid and --gid')
  }
  process.initgroups(user.name, gid)
  process.setgid(gid)
  process.setuid(user.uid)
  if (user.uid === 0) return
  for (const back of [() => process.setuid(0), () => process.setgid(0)]) {
    if (succeeds(back)) throw refused('root could not be given up for good')
  }
}

/** What names and numbers stand for, by the tables of this system. Undefined: nothing is wanted. */
export function findRights({ uid, gid }: WantedRights, tables: RightsTables = systemTables()): Rights | undefined {
  if (uid === undefined && gid === undefined) return undefined
  const user = findUser(uid, tables.users)
  return { user, gid: gid === undefined ? user.gid : findGroup(gid, tables.groups) }
}

export interface RightsTables {
  /** `/etc/passwd`. */
  readonly users: string
  /** `/etc/group`. */
  readonly groups: string
}

function findUser(wanted: string | undefined, table: string): User {
  // A group alone: root keeps its name.
  if (wanted === undefined) return { name: 'root', uid: 0, gid: 0 }
  for (const line of table.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    if (name !== '' && (name === wanted || uid === wanted)) return { name, uid: Number(uid), gid: Number(gid) }
  }
  throw refused(`there is no user '${wanted.slice(0, 80)}' (--uid, workerUid)`)
}

function findGroup(wanted: string, table: string): number {
  if (/^\d{1,10}$/.test(wanted)) return Number(wanted)
  for (const line of table.split('\n')) {
    const [name = '', , gid = ''] = line.split(':')
    if (name === wanted) return Number(gid)
  }
  throw refused(`there is no group '${wanted.slice(0, 80)}' (--gid, workerGid)`)
}

/** `027`, `0o27` and `27` are one. Undefined stays so. */
export function parseUmask(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const digits = /^(?:0o)?([0-7]{1,4})$/.exec(text.trim())?.[1]
  const mask = digits === undefined ? Number.NaN : Number.parseInt(digits, 8)
  if (mask <= 0o777) return mask
  throw new ConfigError(
    'LVG_RIGHTS',
    `'${text.slice(0, 80)}' is no umask (--umask, workerUmask): give octal digits, such as 027.`,
  )
}

function systemTables(): RightsTables {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return ''
    }
  }
  return { users: read('/etc/passwd'), groups: read('/etc/group') }
}

function succeeds(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

function refused(why: string): ConfigError {
  return new ConfigError('LVG_RIGHTS', `The worker cannot run as asked for: ${why}.`)
}
