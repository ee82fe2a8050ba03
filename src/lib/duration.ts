import type { Ms } from './time.js'

const UNITS: Readonly<Record<string, Ms>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/**
 * A span as people write it, in ms: a number is seconds (as in Celery), text is a number with a unit
 * (`250ms`, `5s`, `1.5h`, `3d`, `2w`) or several (`1h30m`). Undefined when it is neither, negative, or not finite.
 */
export function parseDuration(value: unknown): Ms | undefined {
  const ms = typeof value === 'number' ? value * 1000 : typeof value === 'string' ? msOfText(value) : undefined
  return ms !== undefined && Number.isFinite(ms) && ms >= 0 ? ms : undefined
}

function msOfText(value: string): Ms | undefined {
  const text = value.trim()
  if (text.length > 64) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  if (!/^(\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*)+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)/g)) {
    total += Number(amount) * (UNITS[unit as string] as Ms)
  }
  return total
}

/** `90061000` → `1d1h1m1s`; for people to read. */
export function formatDuration(ms: Ms): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  let rest = Math.round(ms / 1000)
  let text = ''
  for (const [unit, size] of [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) text += `${count}${unit}`
  }
  return text
}
