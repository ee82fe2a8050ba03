import { createRequire } from 'node:module'

/** As a user opens it: node:sqlite where it exists, libsql before. */
export interface UserSqlite {
  exec(sql: string): unknown
  prepare(sql: string): { get(...params: unknown[]): unknown }
  close(): void
}

type Loader = (name: string) => { readonly DatabaseSync: new (path: string) => UserSqlite } | undefined

export function openUserSqlite(path: string): UserSqlite {
  const db = opened(path)
  // The broker's own threads write, too.
  db.exec('PRAGMA busy_timeout = 10000')
  return db
}

function opened(path: string): UserSqlite {
  const load = (process as { readonly getBuiltinModule?: Loader }).getBuiltinModule
  const builtin = load?.('node:sqlite')
  if (builtin !== undefined) return new builtin.DatabaseSync(path)
  const Libsql = createRequire(import.meta.url)('libsql') as new (path: string) => UserSqlite
  return new Libsql(path)
}
