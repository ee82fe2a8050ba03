import type { Ms } from '../../../src/lib/time.js'
import type { SimRandom } from '../../../src/testing/sim/sim-random.js'
import type { Config } from './plan.js'

export const FAULT_KINDS = [
  'kill',
  'kill-client',
  'freeze',
  'stop',
  'crash-effect',
  'step',
  'cut',
  'blackhole',
  'reset',
  'flap',
  'slow',
  'lose-request',
  'lose-answer',
  'crash-call',
  'backend-down',
  'backend-slow',
  'broker-down',
  'duplicate',
  'block',
  'reject',
  'cancel',
  'restart',
  'reorder',
  'power-loss',
] as const

/** Trouble of the disk that a file lies on (F36). */
export const DISK_FAULT_KINDS = ['disk-full', 'disk-read-only'] as const

/** Of a worker whose pool has children (F02, F06). */
export const CHILD_FAULT_KINDS = ['kill-child', 'freeze-child'] as const

export type FaultKind =
  | (typeof FAULT_KINDS)[number]
  | (typeof DISK_FAULT_KINDS)[number]
  | (typeof CHILD_FAULT_KINDS)[number]

/** One fault, at one instant, with everything that was drawn for it. */
export interface Fault {
  readonly kind: FaultKind
  readonly at: Ms
  /** The node it strikes, where it strikes one. */
  readonly node: string
  readonly place: 'broker' | 'backend'
  /** Until healed or thawed, where that comes by itself. */
  readonly lasts: Ms
  /** Which verb, or which effect. */
  readonly verb: string
  /** How far, how often, which way: what it means depends on the kind. */
  readonly amount: number
}

const BROKER_VERBS = {
  'lease-like': ['push', 'settle', 'claim', 'wake', 'open'],
  'log-disk': ['push', 'settle', 'claim', 'wake', 'open'],
  'amqp-like': ['publish', 'ack', 'requeue', 'consume', 'connect'],
} as const
const BACKEND_VERBS = ['store', 'fetch', 'arrive', 'close'] as const
const EFFECTS = ['store', 'store', 'publish', 'arrive', 'ack', 'close-chord', 'dead-letter', 'emit', 'requeue'] as const
const QUARTER_HOUR: Ms = 900_000
const DAY: Ms = 86_400_000
const STEPS: readonly Ms[] = [1000, 60_000, 3_600_000, DAY]

export function drawFault(kind: FaultKind, config: Config, random: SimRandom): Fault {
  const place = random.chance(0.65) ? 'broker' : 'backend'
  const worker = random.pick(config.workers).name
  const anyone = random.chance(kind === 'flap' ? 0.5 : 0.25) ? random.pick(config.clients).name : worker
  return {
    kind,
    at: random.between(0, config.storm),
    node: kind === 'kill-client' ? random.pick(config.clients).name : CLIENTS_TOO.has(kind) ? anyone : worker,
    place,
    lasts: random.between(0, random.pick([500, config.leaseMs, 3 * config.leaseMs, 10_000])),
    verb:
      kind === 'crash-effect'
        ? random.pick(EFFECTS)
        : random.pick(place === 'broker' ? BROKER_VERBS[config.profile] : BACKEND_VERBS),
    amount: kind === 'step' ? drawStep(config, random) : random.int(1, 20),
  }
}

/** What is parked by a wrong clock waits as long as that was wrong; with leases that would be many renewals. */
function drawStep({ profile, leaseMs }: Config, random: SimRandom): Ms {
  const most = profile === 'amqp-like' ? DAY : Math.min(QUARTER_HOUR, 200 * leaseMs)
  return (random.chance(0.5) ? 1 : -1) * Math.min(most, random.pick(STEPS))
}

const CLIENTS_TOO: ReadonlySet<FaultKind> = new Set([
  'freeze',
  'step',
  'cut',
  'blackhole',
  'reset',
  'flap',
  'slow',
  'lose-request',
  'lose-answer',
])
