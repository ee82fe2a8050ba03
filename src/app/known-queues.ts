import { camelCase } from './camel-case.js'
import type { Queues } from './queues.js'
import type { Settings } from './settings.js'

/**
 * Names of the queues that an app is known to send to: the declared ones, the default one, and those that `taskRoutes`
 * names. What a function of `taskRoutes` or a call of its own decides, nobody knows in advance.
 */
export function knownQueues(settings: Settings, queues: Queues): readonly string[] {
  const names = new Set<string>(queues.declared.map(queue => queue.name))
  names.add(settings.taskDefaultQueue)
  for (const name of routed(settings.taskRoutes)) names.add(name)
  return [...names]
}

function* routed(routes: unknown): Iterable<string> {
  if (typeof routes !== 'object' || routes === null) return
  if (!Array.isArray(routes)) {
    for (const answer of Object.values(routes)) yield* named(answer)
    return
  }
  // A list of rules, each of which may be a map or a list of [pattern, route] pairs.
  for (const rule of routes as readonly unknown[]) {
    if (!Array.isArray(rule)) yield* routed(rule)
    else for (const pair of rule as readonly unknown[]) if (Array.isArray(pair)) yield* named(pair[1])
  }
}

function* named(answer: unknown): Iterable<string> {
  if (typeof answer === 'string') yield answer
  if (typeof answer !== 'object' || answer === null) return
  for (const [key, value] of Object.entries(answer)) {
    if (camelCase(key) === 'queue' && typeof value === 'string') yield value
  }
}
