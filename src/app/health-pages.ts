import type { Page } from '../drivers/http-pages.js'
import type { Extension } from './extension.js'

/** How a service is: two answers, and whatever else it tells. */
export interface ServiceHealth {
  readonly live: boolean
  readonly ready: boolean
}

/** What can be asked of a worker or a beat over HTTP. */
export interface HealthPagesParts {
  health(): ServiceHealth
  readonly role: 'worker' | 'beat'
  readonly name: string
  readonly extensions: readonly Extension[]
}

/** `/livez`, `/readyz`, and `/metrics` where an extension has any. 200 = yes, 503 = no, with the reasons. */
export async function healthPage(path: string, parts: HealthPagesParts): Promise<Page | undefined> {
  switch (path) {
    case '/livez':
      return asPage('live', parts)
    case '/readyz':
      return asPage('ready', parts)
    case '/metrics':
      return metricsPage(parts.extensions)
    default:
      return undefined
  }
}

function asPage(question: 'live' | 'ready', { health, role, name }: HealthPagesParts): Page {
  const { live, ready, ...rest } = health()
  const yes = question === 'live' ? live : ready
  return {
    status: yes ? 200 : 503,
    type: 'application/json',
    body: `${JSON.stringify({ [role]: name, live, ready, ...rest })}\n`,
  }
}

/** The texts of several extensions, one below the other, as scrapers read them. */
async function metricsPage(extensions: readonly Extension[]): Promise<Page | undefined> {
  const pages = await Promise.all(extensions.flatMap(extension => extension.metrics?.() ?? []))
  const [first] = pages
  if (first === undefined) return undefined
  return { status: 200, type: first.type, body: pages.map(page => page.body).join('') }
}
