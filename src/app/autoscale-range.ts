/** `'10,1'`, `'1,10'` and `[10, 1]` mean at most 10 and at least 1; `'10'` at least 0. Source: celery/bin/worker.py `Autoscale`. */
export function readAutoscale(value: unknown): { readonly max: number; readonly min: number } | undefined {
  const parts = typeof value === 'string' ? value.split(',').map(part => part.trim()) : value
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > 2) return undefined
  const bounds = parts.map(part => (typeof part === 'string' && /^\d+$/.test(part) ? Number(part) : part))
  if (!bounds.every(bound => Number.isInteger(bound) && bound >= 0 && bound <= MAX_SLOTS)) return undefined
  const [first = 0, second = 0] = bounds as readonly number[]
  const max = Math.max(first, second)
  return max === 0 ? undefined : { max, min: Math.min(first, second) }
}

const MAX_SLOTS = 1_000_000
