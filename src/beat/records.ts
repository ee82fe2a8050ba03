import type { EpochMs } from '../lib/time.js'
import type { BeatRecord } from './beat-store.js'
import { type EntryState, newState } from './entry.js'

/** What a record of the store is about. */
export type RecordKind = 'entry' | 'state' | 'pause'

/** Somebody has said that an entry is to rest. */
export interface Pause {
  readonly at: EpochMs
}

export function recordKey(kind: RecordKind, name: string): string {
  return `${kind}:${name}`
}

/** Undefined: it is of a later version. */
export function parseKey(key: string): { readonly kind: RecordKind; readonly name: string } | undefined {
  const [, kind, name] = /^(entry|state|pause):(.+)$/s.exec(key) ?? []
  return kind === undefined || name === undefined ? undefined : { kind: kind as RecordKind, name }
}

/** `term`: that of the leader who writes it, so that it knows its own hand again; a person has none. */
export function stateRecord(name: string, state: EntryState, term?: number): BeatRecord {
  return { key: recordKey('state', name), value: JSON.stringify({ ...state, term }) }
}

/** Was this state written by the leader of that term? */
export function isOfTerm(text: string, term: number): boolean {
  return readObject(text)?.['term'] === term
}

/** Whatever stands there: what cannot be read is as if it were new. Undefined = it is unreadable. */
export function readState(text: string): EntryState | undefined {
  const found = readObject(text)
  if (found === undefined) return undefined
  const { last, runs, failures, open, lastId, sentAt, disabled, error } = found
  if (typeof last !== 'number' || !Number.isFinite(last)) return undefined
  return {
    ...newState(last),
    runs: countOf(runs),
    failures: countOf(failures),
    open: Array.isArray(open) ? open.filter(id => typeof id === 'string') : [],
    lastId: textOf(lastId),
    sentAt: typeof sentAt === 'number' ? sentAt : undefined,
    disabled: textOf(disabled),
    error: textOf(error),
  }
}

export function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
