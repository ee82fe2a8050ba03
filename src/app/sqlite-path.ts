import { ConfigError } from '../lib/errors.js'
import { maskUrl } from '../lib/mask-url.js'

/** `sqlite:///a/b.db` → `a/b.db`, `sqlite:////a/b.db` → `/a/b.db`, as SQLAlchemy reads them. */
export function sqlitePath(url: string): string {
  const rest = url.slice(url.indexOf('://') + 3)
  if (!rest.startsWith('/'))
    throw badUrl(url, 'needs three slashes before a relative path, four before an absolute one')
  if (/[?#]/.test(rest))
    throw badUrl(url, 'has `?` or `#`, which mean nothing here; in a path they are written %3F and %23')
  const path = decoded(rest.slice(1), url)
  if (path === '' || path === ':memory:') throw badUrl(url, 'names no file; for messages in memory write memory://')
  return path
}

function decoded(path: string, url: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badUrl(url, 'has a `%` that begins no escape; a percent sign is written %25')
  }
}

export function badUrl(url: string, problem: string): ConfigError {
  return new ConfigError('LVG_BAD_URL', `The URL ${maskUrl(url)} ${problem}.`)
}
