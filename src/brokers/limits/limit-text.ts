import { type LimitState, NO_LIMIT_STATE } from './decide-limits.js'

/** How stores keep a state: JSON; nothing is empty text. What cannot be read, which nobody of us wrote, is nothing. */
export function readLimitState(text: string | undefined): LimitState {
  if (text === undefined || text === '') return NO_LIMIT_STATE
  try {
    const state: unknown = JSON.parse(text)
    if (isState(state)) return state
  } catch {}
  return NO_LIMIT_STATE
}

export function writeLimitState({ windows, places }: LimitState): string {
  return Object.keys(windows).length + Object.keys(places).length === 0 ? '' : JSON.stringify({ windows, places })
}

function isState(value: unknown): value is LimitState {
  if (typeof value !== 'object' || value === null) return false
  const { windows, places } = value as Partial<LimitState>
  return isTable(windows) && isTable(places)
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(Array.isArray)
}
