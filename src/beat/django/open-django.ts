import type { App } from '../../app/app.js'
import { demandPostgresTls } from '../../app/encryption.js'
import { sqlitePath } from '../../app/sqlite-path.js'
import { ConfigError } from '../../lib/errors.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { DjangoDatabase } from './django-database.js'

/** The database that `beatDjangoUrl` names, not connected yet; undefined: none. Throws `ConfigError`. */
export async function openDjango({ runtime, settings }: App): Promise<DjangoDatabase | undefined> {
  const url = settings.beatDjangoUrl?.replace(/^db\+/, '')
  if (url === undefined) return undefined
  switch (/^[a-z+]+(?=:)/i.exec(url)?.[0].toLowerCase()) {
    case 'postgres':
    case 'postgresql': {
      const [{ PostgresDjangoDatabase }, { parsePostgresUrl }] = await Promise.all([
        import('./postgres/postgres-django-database.js'),
        import('../../drivers/postgres/postgres-url.js'),
      ])
      const target = parsePostgresUrl(url)
      demandPostgresTls(url, target, settings.requireTls)
      return new PostgresDjangoDatabase({ target, runtime })
    }
    case 'sqlite': {
      const { SqliteDjangoDatabase } = await import('./sqlite/sqlite-django-database.js')
      return new SqliteDjangoDatabase({ url, path: sqlitePath(url) })
    }
    default:
      throw new ConfigError(
        'LVG_UNKNOWN_SCHEME',
        `beatDjangoUrl: the tables of django-celery-beat cannot be read from ${maskUrl(url)}. Give postgresql://host/database or sqlite:///file.`,
      )
  }
}
