import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Ms } from '../../lib/time.js'

/** What RabbitMQ's management plugin tells, and AMQP cannot. Its counts are a few seconds old. */
export interface ManagedQueue {
  readonly name: string
  readonly ready: number
  readonly held: number
  readonly consumers: number
  readonly type: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** What policies add up to; undefined for some seconds after the queue was made. */
  readonly policy: Readonly<Record<string, unknown>> | undefined
}

export interface ManagedBinding {
  readonly exchange: string
  readonly exchangeType: string
  readonly routingKey: string
  readonly queue: string
}

export interface ManagementTarget {
  /** `http://host:15672`, without user. */
  readonly url: string
  readonly user: string
  readonly password: string
  readonly vhost: string
}

const TIMEOUT: Ms = 2000
/** More than a hundred thousand queues need; beyond it something else answers. */
const LARGEST = 64 * 1024 * 1024

type Row = Readonly<Record<string, unknown>>

/** Undefined where the plugin does not answer, for whatever reason. */
export async function managedQueues(target: ManagementTarget): Promise<readonly ManagedQueue[] | undefined> {
  const rows = await ask(target, `queues/${encodeURIComponent(target.vhost)}?disable_stats=false`)
  return rows?.map(row => ({
    name: String(row['name']),
    ready: count(row['messages_ready']),
    held: count(row['messages_unacknowledged']),
    consumers: count(row['consumers']),
    type: String(row['type']),
    arguments: table(row['arguments']),
    policy: Object.hasOwn(row, 'effective_policy_definition') ? table(row['effective_policy_definition']) : undefined,
  }))
}

/** Bindings of queues, those of the default exchange left out. Undefined where the plugin does not answer. */
export async function managedBindings(target: ManagementTarget): Promise<readonly ManagedBinding[] | undefined> {
  const vhost = encodeURIComponent(target.vhost)
  const [bindings, exchanges] = await Promise.all([ask(target, `bindings/${vhost}`), ask(target, `exchanges/${vhost}`)])
  if (bindings === undefined || exchanges === undefined) return undefined
  const types = new Map(exchanges.map(row => [row['name'], String(row['type'])]))
  return bindings
    .filter(row => row['source'] !== '' && row['destination_type'] === 'queue')
    .map(row => ({
      exchange: String(row['source']),
      exchangeType: types.get(row['source']) ?? '',
      routingKey: String(row['routing_key']),
      queue: String(row['destination']),
    }))
}

async function ask({ url, user, password }: ManagementTarget, path: string): Promise<readonly Row[] | undefined> {
  try {
    const answer: unknown = JSON.parse(await get(new URL(`/api/${path}`, url), `${user}:${password}`))
    return Array.isArray(answer) ? (answer as readonly Row[]) : undefined
  } catch {
    // Not installed, not reachable, not allowed: there is nothing that the caller would do differently.
    return undefined
  }
}

function get(url: URL, auth: string): Promise<string> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT)
    const asked = send(url, { auth, signal, headers: { accept: 'application/json' } }, answer => {
      if (answer.statusCode !== 200) {
        answer.resume()
        reject(new Error(`status ${answer.statusCode}`))
        return
      }
      const chunks: Buffer[] = []
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > LARGEST) asked.destroy(new Error('too much'))
        else chunks.push(chunk)
      })
      answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      answer.on('error', reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function table(value: unknown): Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : {}
}
