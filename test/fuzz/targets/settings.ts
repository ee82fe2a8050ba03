import { Queues } from '../../../src/app/queues.js'
import { Router } from '../../../src/app/router.js'
import { resolveSettings, type SettingsInput, settingsFrom } from '../../../src/app/settings.js'
import { SETTINGS } from '../../../src/app/settings-table.js'
import { openBackend, openBroker } from '../../../src/app/transports.js'
import type { ReplyLine } from '../../../src/backends/rpc/reply-line.js'
import { ConfigError } from '../../../src/lib/errors.js'
import { globMatches } from '../../../src/lib/glob.js'
import { createCodec } from '../../../src/protocol/create-codec.js'
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.js'
import { handRuntime } from '../../app/hand-runtime.js'
import { givenOf, textOf } from '../expect.js'
import { hostileValue } from '../hostile.js'
import { mutateText } from '../mutate-bytes.js'
import { mutateValue } from '../mutate-value.js'
import type { FuzzRandom } from '../random.js'
import { Broken, INPUTS, type Input, type Outcome, type Target } from '../target.js'

const NAMES: readonly string[] = Object.keys(SETTINGS)

const SEEDS: readonly unknown[] = [
  { brokerUrl: 'sqlite:///a.db', resultBackend: 'db+sqlite:///a.db', workerConcurrency: 4, taskAcksLate: true },
  { broker_url: ['memory://', 'memory://'], task_routes: { 'a.*': 'q', b: { queue: 'c', routing_key: 'd' } } },
  { taskQueues: { mail: { exchange: 'x', routingKey: 'k', durable: true }, other: {} }, taskTimeLimit: '5m' },
  { worker: { concurrency: 2, prefetchMultiplier: 1 }, task: { annotations: { '*': { rateLimit: '10/s' } } } },
  { taskPublishRetryPolicy: { maxRetries: 3, intervalStart: 0 }, acceptContent: ['json', 'yaml'], timezone: 'UTC' },
]

/** Settings from code and from the environment, with the queues and routes that come of them. */
export const settingsTarget: Target = {
  name: 'settings',
  inputs: 25_000,
  because: 'each input resolves the whole table of settings',
  make: makeSettings,
  judge: input => judgeSettings(givenOf(input)),
}

function makeSettings(random: FuzzRandom): Input {
  const given = mutateValue(random.pick(SEEDS), { random, donors: SEEDS, typed: true })
  if (!random.once(3)) return { kind: 'value', value: given }
  return { kind: 'value', value: { [random.pick(NAMES)]: hostileValue(random, true) } }
}

function judgeSettings(value: unknown): Outcome {
  if (typeof value !== 'object' || value === null) return 'nothing'
  const code = value as SettingsInput
  try {
    resolveSettings({ environment: inEnvironment(value) })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
  }
  settingsFrom(value as Readonly<Record<string, unknown>>)
  const { settings } = resolveSettings({ code })
  const queues = new Queues(settings)
  new Router(settings, queues).route('a.b', [], {}, {})
  return 'value'
}

/** The same settings as somebody would set them in a shell. */
function inEnvironment(value: object): Readonly<Record<string, string>> {
  const entries = Object.entries(value).map(([name, item]) => {
    const text =
      typeof item === 'object'
        ? JSON.stringify(item, (_, leaf: unknown) => (typeof leaf === 'bigint' ? 1 : leaf))
        : String(item)
    return [`LOVAGE_${name.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`, text ?? ''] as const
  })
  return Object.fromEntries(entries)
}

const URLS: readonly string[] = [
  'sqlite:///lovage.db',
  'sqlite:////var/lib/lovage%20files/a.db',
  'memory://',
  'db+sqlite:///results.db',
  'cache+memory://',
  'disabled://',
  'rpc://',
  'amqp://user:p%40ss@host:5672/vhost',
  'redis://:geheim@localhost:6379/0;memory://',
  'sqlite:///a.db;sqlite:///b.db',
]

const DEAD_LINE: ReplyLine = {
  listening: false,
  listen: async () => undefined,
  send: async () => 'nobody',
  [Symbol.asyncDispose]: async () => undefined,
}

/** URLs of brokers and result backends. Nothing is connected. */
export function urlTarget(): Target {
  const runtime = handRuntime()
  const { settings } = resolveSettings({})
  const codec = createCodec({ accept: ['json'], serializer: 'json' })
  const judge = async (url: string): Promise<Outcome> => {
    try {
      await openBackend(url, { runtime, settings, codec, limits: DEFAULT_LIMITS, replyLine: async () => DEAD_LINE })
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
    }
    const broker = await openBroker(url, { runtime, settings })
    if (broker.url === '') throw new Broken('a broker without URL')
    return 'value'
  }
  return {
    name: 'url',
    inputs: INPUTS,
    make: random => ({ kind: 'text', text: mutateText(random.pick(URLS), random, URLS, 500) }),
    judge: input => judge(textOf(input)),
  }
}

const GLOBS: readonly string[] = [
  'feed.tasks.*\nfeed.tasks.fetch',
  '*.images.[a-z]*\nshop.images.resize',
  '[!a]?*x*\nbcxdx',
  '*a*a*a*a*b\naaaaaaaaaaaaaaaa',
  '[]]*[^\nx]',
  '[a-\n[a-',
]

/** A shell pattern in the first line, a name in the rest; the answer is compared with a slower matcher's. */
export const globTarget: Target = {
  name: 'glob',
  inputs: INPUTS,
  make: random => ({ kind: 'text', text: mutateText(random.pick(GLOBS), random, GLOBS, 300) }),
  judge: input => {
    const text = textOf(input)
    const at = text.indexOf('\n')
    const [pattern, name] = at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 1)]
    const found = globMatches(pattern, name)
    if (found !== slowMatch(elements(pattern), name)) throw new Broken(`the other matcher says ${!found}`)
    return found ? 'match' : 'no-match'
  },
}

type Element = 'star' | ((unit: string) => boolean)

function elements(pattern: string): readonly Element[] {
  const found: Element[] = []
  for (let p = 0; p < pattern.length; p++) {
    const unit = pattern[p] as string
    const end = unit === '[' ? pattern.indexOf(']', p + (pattern[p + 1] === '!' ? 3 : 2)) : -1
    if (unit === '*') found.push('star')
    else if (unit === '?') found.push(() => true)
    else if (end > 0) {
      found.push(oneOf(pattern.slice(p + 1, end)))
      p = end
    } else found.push(other => other === unit)
  }
  return found
}

function oneOf(inner: string): (unit: string) => boolean {
  const negated = inner.startsWith('!')
  const body = negated ? inner.slice(1) : inner
  const ranges: (readonly [string, string])[] = []
  for (let i = 0; i < body.length; ) {
    const from = body[i] as string
    const isRange = body[i + 1] === '-' && i + 2 < body.length
    ranges.push([from, isRange ? (body[i + 2] as string) : from])
    i += isRange ? 3 : 1
  }
  return unit => ranges.some(([from, to]) => unit >= from && unit <= to) !== negated
}

/** Every way at once: `reach[i]` = the elements so far can end before unit i. */
function slowMatch(pattern: readonly Element[], name: string): boolean {
  let reach = Array.from({ length: name.length + 1 }, (_, i) => i === 0)
  for (const element of pattern) {
    const next = reach.map(() => false)
    for (let i = 0; i <= name.length; i++) {
      if (element === 'star') next[i] = reach[i] === true || (i > 0 && next[i - 1] === true)
      else if (i > 0) next[i] = reach[i - 1] === true && element(name[i - 1] as string)
    }
    reach = next
  }
  return reach[name.length] === true
}
