import type { Ms } from '../../../src/lib/time.js'
import { QUIRKS, type Quirk } from '../../../src/testing/sim/quirks.js'
import { SimRandom } from '../../../src/testing/sim/sim-random.js'
import type { Behaviour } from './behaviours.js'
import { drawBurst, drawFreezes, drawKills, withChildren } from './draw-children.js'
import { DISK_FAULT_KINDS, drawFault, FAULT_KINDS, type Fault, type FaultKind } from './faults.js'

/*
 * What a seed means, as data: a configuration, the calls that clients make, the faults that strike. A plan can be
 * printed, changed and run again, which is how a failure is made small.
 */

export interface Plan {
  readonly seed: string
  readonly config: Config
  readonly calls: readonly Call[]
  readonly faults: readonly Fault[]
}

export type Profile = 'lease-like' | 'amqp-like' | 'log-disk'

export interface Config {
  readonly profile: Profile
  /** Calls and faults happen within so long. */
  readonly storm: Ms
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly latency: { readonly min: Ms; readonly max: Ms }
  readonly syncMs: Ms
  readonly queues: readonly string[]
  readonly clients: readonly NodeConfig[]
  readonly workers: readonly WorkerConfig[]
  readonly kinds: readonly FaultKind[]
  readonly quirks: readonly Quirk[]
  /** When the dead-letter place of a queue is full, and what becomes of it then. */
  readonly deadLetters: DeadLetters
  /** A dead process is started again within so long. */
  readonly restart: Ms
  readonly maxDeliveries: number
  readonly unknownTask: 'reject' | 'hand-back'
  readonly trackStarted: boolean
  readonly extended: boolean
  readonly writeTimeout: Ms
  readonly cancelOnLoss: boolean
  readonly maxHeld: number
  /** Of the file, where there is one. */
  readonly durability: 'full' | 'os'
}

export interface DeadLetters {
  readonly max: number
  readonly whenFull: 'pause' | 'drop-oldest'
}

export interface NodeConfig {
  readonly name: string
  readonly rate: number
  readonly skew: Ms
}

export interface WorkerConfig extends NodeConfig {
  readonly concurrency: number
  readonly prefetchMultiplier: number
  /** So many children run its tasks; absent = they run in its own process. */
  readonly children?: number
  /** Each of them is replaced after so many; absent = never. */
  readonly maxTasks?: number
}

export interface Call {
  readonly id: string
  readonly at: Ms
  readonly client: string
  readonly behaviour: Behaviour
  readonly n: number
  readonly late: boolean
  readonly ignored: boolean
  readonly queue: string
  readonly priority: number | undefined
  readonly countdown: Ms | undefined
  readonly expires: Ms | undefined
  /** When all workers are told to revoke it. */
  readonly revokeAt: Ms | undefined
  readonly shape: Shape
  /** Sent again until it is accepted. */
  readonly stubborn: boolean
}

export type Shape =
  | { readonly kind: 'single' }
  | { readonly kind: 'links'; readonly count: number }
  | { readonly kind: 'errback' }
  | { readonly kind: 'chain'; readonly length: number }
  | { readonly kind: 'chord'; readonly parts: number }

/** About so many tasks in a run: most of what goes wrong takes few, some of it takes a crowd. */
const TASKS: readonly number[] = [3, 3, 5, 5, 8, 8, 12, 20, 30, 60]

const LEASES: readonly Ms[] = [100, 1000, 2000, 5000, 20_000, 20_000, 60_000]
/** Renewals are commits, and commits are real. */
const DISK_LEASES: readonly Ms[] = [1000, 2000, 5000]
const DISK_TASKS: readonly number[] = [4, 8, 15]
/** A run on a file takes as long as ten others. */
const PROFILES: readonly (readonly [Profile, number])[] = [
  ['lease-like', 58],
  ['amqp-like', 39],
  ['log-disk', 1.5],
]

/** Every seed has a configuration of its own; leaving faults out matters as much as putting them in (§13.3). */
export function drawPlan(seed: number | string): Plan {
  const random = new SimRandom(`${seed}/plan`)
  // Drawn apart: they came later, and seeds shall mean what they meant.
  const later = {
    quirks: drawQuirks(random.split('quirks')),
    deadLetters: drawDeadLetters(random.split('dead letters')),
  }
  const config = withChildren({ ...drawConfig(random.split('config')), ...later }, random.split('children'))
  const calls = drawCalls(config, random.split('calls'))
  const burst = drawBurst(config, random.split('burst'))
  const freezes = drawFreezes(config, random.split('freezes'))
  return {
    seed: String(seed),
    config,
    calls: [...calls, ...drawMalformed(config, random.split('malformed')), ...burst, ...freezes.calls],
    faults: inTime([
      ...drawFaults(config, random.split('faults')),
      ...drawDiskFaults(config, random.split('disk faults')),
      ...drawKills(config, burst[0]?.at, random.split('child faults')),
      ...freezes.faults,
    ]),
  }
}

export function drawConfig(random: SimRandom, profiles = PROFILES): Config {
  const profile = weighted(profiles, random)
  const leaseMs = random.pick(profile === 'log-disk' ? DISK_LEASES : LEASES)
  const drifting = random.chance(0.3)
  const skewed = random.chance(0.3)
  const node = (name: string): NodeConfig => ({
    name,
    rate: drifting ? random.between(0.99, 1.01) : 1,
    skew: skewed ? random.int(-60_000, 60_000) : 0,
  })
  const names = (letter: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`)
  const slow = random.chance(0.15)
  return {
    profile,
    storm: Math.min(profile === 'log-disk' ? 20_000 : 120_000, Math.max(10_000, leaseMs * random.int(6, 12))),
    leaseMs,
    renewMs: leaseMs / 4,
    latency: slow ? { min: 5, max: Math.min(400, leaseMs / 8) } : { min: 0.2, max: random.pick([0.5, 2, 20]) },
    syncMs: random.pick([1, 5, 50]),
    queues: ['celery', 'q1', 'q2'].slice(0, random.int(1, 3)),
    clients: names('c', random.int(1, 3)).map(node),
    workers: names('w', random.int(1, 4)).map(name => ({
      ...node(name),
      concurrency: random.int(1, 8),
      prefetchMultiplier: random.pick([1, 1, 2, 4, 8]),
    })),
    kinds: FAULT_KINDS.filter(() => random.chance(0.5)),
    restart: random.pick([100, 1000, 5000]),
    maxDeliveries: random.pick([2, 3, 50]),
    unknownTask: random.chance(0.5) ? 'reject' : 'hand-back',
    trackStarted: random.chance(0.3),
    extended: random.chance(0.3),
    writeTimeout: random.pick([500, 5000, 60_000]),
    cancelOnLoss: random.chance(0.2),
    maxHeld: random.pick([1, 3, 10_000]),
    durability: random.chance(0.5) ? 'full' : 'os',
    ...PLAIN,
  }
}

/** What seeds were without what came later. */
export const PLAIN: Pick<Config, 'quirks' | 'deadLetters'> = Object.freeze({
  quirks: [],
  deadLetters: { max: 100_000, whenFull: 'pause' },
})

/** Half of all seeds have none. */
export function drawQuirks(random: SimRandom): readonly Quirk[] {
  return random.chance(0.5) ? [] : QUIRKS.filter(() => random.chance(0.5))
}

function drawDeadLetters(random: SimRandom): DeadLetters {
  if (random.chance(0.6)) return PLAIN.deadLetters
  return { max: random.int(1, 3), whenFull: random.pick(['pause', 'drop-oldest']) }
}

const BEHAVIOURS: readonly (readonly [Behaviour, number])[] = [
  ['plain', 8],
  ['slow', 5],
  ['failing', 2],
  ['flaky', 3],
  ['asking', 2],
  ['hopeless', 1],
  ['ignoring', 0.5],
  ['rejecting', 0.5],
  ['requeueing', 0.5],
  ['strict', 0.5],
  ['soft', 0.3],
  ['hard', 0.3],
  ['poison', 0.15],
  ['unknown', 0.5],
  ['rare', 0.5],
  ['parent', 1],
]

export interface CallsWanted {
  /** Tasks in all; default: drawn. */
  readonly tasks?: number
  /** How far an eta or an expiry may be off; default: the storm. */
  readonly reach?: Ms
}

export function drawCalls(config: Config, random: SimRandom, wanted: CallsWanted = {}): readonly Call[] {
  const lateShare = random.pick([0, 0.5, 0.8, 1, 1])
  const uses = { eta: random.chance(0.5), expiry: random.chance(0.3), revoke: random.chance(0.3) }
  const priorities = random.chance(0.3)
  const ignoring = random.chance(0.3)
  const bursts = random.chance(0.4)
  const drawn = random.pick(config.profile === 'log-disk' ? DISK_TASKS : TASKS)
  const { tasks: most = drawn, reach = config.storm } = wanted
  const calls: Call[] = []
  let tasks = 0
  let burst = random.between(0, config.storm)
  for (let i = 0; tasks < most; i++) {
    const shape = drawShape(random)
    tasks += sizeOf(shape)
    const single = shape.kind === 'single'
    if (bursts && random.chance(0.1)) burst = random.between(0, config.storm)
    const at = bursts ? burst : random.between(0, config.storm)
    calls.push({
      id: `t${i}`,
      at,
      client: random.pick(config.clients).name,
      behaviour: possible(behaviourFor(shape, random), config),
      n: random.int(0, 1000),
      late: random.chance(lateShare),
      ignored: ignoring && shape.kind !== 'chord' && random.chance(0.3),
      queue: random.pick(config.queues),
      priority: priorities ? random.int(0, 9) : undefined,
      countdown: uses.eta && single && random.chance(0.2) ? random.int(100, reach) : undefined,
      expires: uses.expiry && single && random.chance(0.2) ? random.int(10, reach / 2) : undefined,
      revokeAt: uses.revoke && single && random.chance(0.1) ? at + random.between(0, 5000) : undefined,
      shape,
      stubborn: random.chance(0.8),
    })
  }
  return calls
}

/** Messages that nobody can read, among the others (F64). Three quarters of all seeds have none. */
function drawMalformed(config: Config, random: SimRandom): readonly Call[] {
  if (random.chance(0.75)) return []
  return Array.from({ length: random.int(1, 3) }, (_, i) => {
    const at = random.between(0, config.storm)
    const client = random.pick(config.clients).name
    const n = random.int(0, 1000)
    const queue = random.pick(config.queues)
    return { ...PLAIN_CALL, id: `m${i}`, at, client, behaviour: 'malformed', n, late: true, ignored: true, queue }
  })
}

function drawShape(random: SimRandom): Shape {
  const drawn = random.next()
  if (drawn < 0.7) return { kind: 'single' }
  if (drawn < 0.78) return { kind: 'links', count: random.int(1, 3) }
  if (drawn < 0.83) return { kind: 'errback' }
  if (drawn < 0.93) return { kind: 'chain', length: random.int(2, 4) }
  return { kind: 'chord', parts: random.int(1, 5) }
}

function sizeOf(shape: Shape): number {
  switch (shape.kind) {
    case 'single':
      return 1
    case 'links':
      return 1 + shape.count
    case 'errback':
      return 2
    case 'chain':
      return shape.length
    case 'chord':
      return shape.parts + 1
    default:
      return shape satisfies never
  }
}

function behaviourFor(shape: Shape, random: SimRandom): Behaviour {
  switch (shape.kind) {
    case 'single':
      return weighted(BEHAVIOURS, random)
    case 'errback':
      return random.pick(['failing', 'failing', 'plain', 'hopeless'] as const)
    case 'links':
    case 'chain':
    case 'chord':
      return random.pick(['plain', 'plain', 'slow', 'flaky', 'failing'] as const)
    default:
      return shape satisfies never
  }
}

/** What nobody knows would go round for ever where it is handed back, what some do not know be refused where it is not. */
function possible(behaviour: Behaviour, { unknownTask }: Config): Behaviour {
  const impossible = unknownTask === 'reject' ? 'rare' : 'unknown'
  return behaviour === impossible ? 'plain' : behaviour
}

function weighted<T>(table: readonly (readonly [T, number])[], random: SimRandom): T {
  let left = random.next() * table.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [item, weight] of table) {
    left -= weight
    if (left < 0) return item
  }
  throw new RangeError('nothing to choose from')
}

/** `count`: default drawn. */
export function drawFaults(config: Config, random: SimRandom, wanted?: number): readonly Fault[] {
  const kinds = config.kinds.filter(kind => !(kind in ONLY) || ONLY[kind] === config.profile)
  if (kinds.length === 0) return []
  const count = wanted ?? random.int(0, random.pick([4, 12, 30]))
  return inTime(Array.from({ length: count }, () => drawFault(random.pick(kinds), config, random)))
}

/** Drawn apart: they came later. */
function drawDiskFaults(config: Config, random: SimRandom): readonly Fault[] {
  if (config.profile !== 'log-disk' || random.chance(0.4)) return []
  return Array.from({ length: random.int(1, 3) }, () => drawFault(random.pick(DISK_FAULT_KINDS), config, random))
}

/** What most calls have. */
export const PLAIN_CALL = Object.freeze({
  priority: undefined,
  countdown: undefined,
  expires: undefined,
  revokeAt: undefined,
  shape: Object.freeze({ kind: 'single' }),
  stubborn: true,
} as const)

export function inTime(faults: readonly Fault[]): readonly Fault[] {
  return faults.toSorted((a, b) => a.at - b.at)
}

const ONLY: Partial<Readonly<Record<FaultKind, Profile>>> = {
  block: 'amqp-like',
  reject: 'amqp-like',
  cancel: 'amqp-like',
  restart: 'amqp-like',
  reorder: 'amqp-like',
  'power-loss': 'log-disk',
}
