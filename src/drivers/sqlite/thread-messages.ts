import { ConfigError, LovageError } from '../../lib/errors.js'
import { SqliteDamagedError, SqliteError } from '../errors.js'
import type { Question } from './executor.js'
import type { HostOptions } from './host.js'

/** What the host's thread is given at birth. */
export interface ThreadData {
  readonly module: string
  readonly options: Omit<HostOptions<unknown>, 'onEvent'>
}

export type ToThread = { readonly kind: 'run'; readonly questions: readonly Question[] } | { readonly kind: 'close' }

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: WireError }
  /** `values` in the order of the questions; `errors` names the positions that have none. */
  | {
      readonly kind: 'answers'
      readonly values: readonly unknown[]
      readonly errors: readonly (readonly [number, WireError])[]
    }
  | { readonly kind: 'event'; readonly event: unknown }
  | { readonly kind: 'lost'; readonly error: WireError }
  | { readonly kind: 'closed' }

/** An error without its class, which structured clone would take from it. */
export type WireError =
  | { readonly kind: 'sqlite'; readonly sqlite: SqliteError['sqlite']; readonly message: string }
  | { readonly kind: 'damaged'; readonly path: string; readonly aside: string | undefined; readonly message: string }
  | { readonly kind: 'config' | 'other'; readonly code: string; readonly message: string }

export function errorToWire(error: unknown): WireError {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof SqliteError) return { kind: 'sqlite', sqlite: error.sqlite, message }
  if (error instanceof SqliteDamagedError) return { kind: 'damaged', path: error.path, aside: error.aside, message }
  if (error instanceof ConfigError) return { kind: 'config', code: error.code, message }
  if (error instanceof LovageError) return { kind: 'other', code: error.code, message }
  return {
    kind: 'other',
    code: 'LVG_SQLITE_ERROR',
    message: error instanceof Error ? (error.stack ?? message) : message,
  }
}

export function errorFromWire(wire: WireError): LovageError {
  switch (wire.kind) {
    case 'sqlite':
      return new SqliteError(wire.sqlite, wire.message)
    case 'damaged':
      return new SqliteDamagedError(wire.path, wire.aside)
    case 'config':
      return new ConfigError(wire.code, wire.message)
    case 'other':
      return new LovageError(wire.code, wire.message)
    default:
      return wire satisfies never
  }
}
