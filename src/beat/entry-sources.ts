import type { DjangoEntry } from '../schedules/django-entries.js'
import { djangoInput } from './django/django-entry.js'
import type { EntryState } from './entry.js'
import { readObject } from './records.js'

/** Where entries stand. Of one name the first that can be kept is heeded. */
export const SOURCES = ['store', 'django', 'code'] as const
export type Source = (typeof SOURCES)[number]

/** All that is written, by name. */
export interface EntrySources {
  readonly stored: ReadonlyMap<string, string>
  /** Rows of django-celery-beat's tables. */
  readonly tabled: ReadonlyMap<string, DjangoEntry>
  /** Of the code. */
  readonly entries: ReadonlyMap<string, unknown>
}

/** The entry of a name as it is written there, unchecked; undefined = there is none. */
export function inputOf(
  { stored, tabled, entries }: EntrySources,
  name: string,
  source: Source,
  state: EntryState | undefined,
): { readonly input: unknown } | undefined {
  switch (source) {
    case 'store': {
      const text = stored.get(name)
      return text === undefined ? undefined : { input: readObject(text) }
    }
    case 'django': {
      const row = tabled.get(name)
      return row === undefined ? undefined : { input: djangoInput(row, state) }
    }
    case 'code':
      return entries.has(name) ? { input: entries.get(name) } : undefined
    default:
      return source satisfies never
  }
}
