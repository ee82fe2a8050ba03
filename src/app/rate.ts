const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/**
 * A rate limit as starts per second; 0 = none; undefined = it cannot be read. A number is per second; text is `<number>[/s|/m|/h]`,
 * without unit per second. Null, false and empty text are none. Source: celery/utils/time.py:rate.
 */
export function parseRate(value: unknown): number | undefined {
  if (value === undefined || value === null || value === false || value === '') return 0
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const [, count, unit = 's'] = /^\s*\+?((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(?:\/([smh]))?$/i.exec(value) ?? []
  const seconds = UNIT_SECONDS[unit]
  if (count === undefined || seconds === undefined) return undefined
  const rate = Number(count) / seconds
  return Number.isFinite(rate) ? rate : undefined
}
