import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Log } from '../../lib/runtime.js'

/**
 * Says in one line what of an accepted message survives what, as this server is set up (D11), and warns of an eviction
 * policy that throws queues away. Never rejects.
 */
export async function logPersistence(connection: RedisConnection, url: string, log: Log): Promise<void> {
  const settings = await readSettings(connection).catch(() => undefined)
  if (settings === undefined) {
    log.info(`Redis at ${url}: persistence unknown, since this user may not ask for it.`)
    return
  }
  const { save, appendonly, appendfsync, policy } = settings
  log.info(`Redis at ${url}: ${levelOf(save, appendonly, appendfsync)}.`)
  if (policy !== undefined && policy !== 'noeviction') {
    log.warning(
      `Redis at ${url} has maxmemory-policy ${policy}: when its memory is full it drops keys, whole queues and held messages ` +
        'among them, without notice. Set maxmemory-policy noeviction.',
    )
  }
}

interface Settings {
  readonly appendonly: boolean
  readonly appendfsync: string | undefined
  readonly save: boolean | undefined
  readonly policy: string | undefined
}

function levelOf(save: boolean | undefined, appendonly: boolean, appendfsync: string | undefined): string {
  if (!appendonly) {
    const since = save === false ? 'everything is lost' : 'everything since the last snapshot is lost'
    return `appendonly no, so when the server ends unexpectedly ${since}`
  }
  switch (appendfsync) {
    case 'always':
      return 'appendfsync always, so accepted messages survive a power failure'
    case 'no':
      return 'appendfsync no, so accepted messages survive the end of the server, and of the last half minute not a power failure'
    case 'everysec':
      return 'appendfsync everysec, so accepted messages survive the end of the server, and of the last second not a power failure'
    default:
      return 'appendonly yes, so accepted messages survive the end of the server'
  }
}

/** `CONFIG` is often withheld; `INFO` tells most of it. */
async function readSettings(connection: RedisConnection): Promise<Settings> {
  const doing = 'reading how Redis keeps its data'
  const info = String(await connection.call(doing, 'info', []))
  const appendonly = /^aof_enabled:1/m.test(info)
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  try {
    const appendfsync = await setting(connection, 'appendfsync')
    const save = await setting(connection, 'save')
    return { appendonly, appendfsync, save: save === undefined ? undefined : save !== '', policy }
  } catch {
    return { appendonly, appendfsync: undefined, save: undefined, policy }
  }
}

async function setting(connection: RedisConnection, name: string): Promise<string | undefined> {
  const found = await connection.call('reading how Redis keeps its data', 'config', ['get', name])
  return Array.isArray(found) && found.length === 2 ? String(found[1]) : undefined
}
