import { inspect } from 'node:util'
import type { RecordedTask } from './recorded-task.js'

/** One line: name, arguments, id, and where it stands. */
export function describeTask(task: RecordedTask): string {
  const { name, id, state, queue, eta, runs, retries, error } = task
  const place = state === 'waiting' || state === 'retrying' ? ` in queue ${queue}` : ''
  const due =
    (state === 'waiting' || state === 'retrying') && eta !== undefined ? `, not before ${eta.toISOString()}` : ''
  const again = retries.length > 0 ? `, retried ${times(retries.length)}` : ''
  const why = error !== undefined && state !== 'succeeded' ? `: ${showError(error)}` : ''
  return `${name}(${showArguments(task)}) [${id.slice(0, 8)}] ${state}${place}${due}, ran ${times(runs.length)}${again}${why}`
}

export function showArguments({ args, kwargs }: Pick<RecordedTask, 'args' | 'kwargs'>): string {
  const named = Object.entries(kwargs).map(([key, value]) => `${key}=${show(value)}`)
  return [...args.map(show), ...named].join(', ')
}

export function show(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200, maxArrayLength: 20 })
}

export function showError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : show(error)
}

export function times(count: number): string {
  if (count === 0) return 'never'
  return count === 1 ? 'once' : `${count} times`
}
