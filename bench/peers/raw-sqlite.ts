import { createRequire } from 'node:module'

export interface RawStatement {
  run(...params: readonly unknown[]): unknown
  all(...params: readonly unknown[]): unknown[]
}

/** The binding that Lovage itself uses here, bare: `node:sqlite` where Node has it, else `libsql`. */
export interface RawDatabase {
  exec(sql: string): void
  prepare(sql: string): RawStatement
  close(): void
}

export function openRaw(path: string): RawDatabase {
  const require = createRequire(import.meta.url)
  try {
    const { DatabaseSync } = require('node:sqlite') as { DatabaseSync: new (path: string) => RawDatabase }
    return new DatabaseSync(path)
  } catch {
    const Database = require('libsql') as new (path: string) => RawDatabase
    return new Database(path)
  }
}
