import type { Ms } from '../../../src/lib/time.js'
import type { SimRandom } from '../../../src/testing/sim/sim-random.js'
import { drawFault, type Fault } from './faults.js'
import { type Call, type Config, PLAIN_CALL, type WorkerConfig } from './plan.js'

/*
 * Children of one worker's pool: how many, what they are given, and what befalls them. Each of these is drawn apart from
 * everything else, since they came later: what a seed was without them it is still.
 */

/** Each child is an app more that has to start: of twelve seeds one has some, of those on a file, which are few, one of three. */
export function withChildren(config: Config, random: SimRandom): Config {
  const grown = config.profile === 'log-disk' ? onDisk(config, random.split('disk children')) : inMemory(config, random)
  return retiring(grown, random.split('retiring children'))
}

function inMemory(config: Config, random: SimRandom): Config {
  return random.chance(1 / 12) ? grow(config, random) : config
}

function onDisk(config: Config, random: SimRandom): Config {
  return random.chance(1 / 3) ? grow(config, random) : config
}

function grow(config: Config, random: SimRandom): Config {
  const chosen = random.pick(config.workers)
  const pool = { children: random.int(1, 3), prefetchMultiplier: random.pick([1, 4, 8, 16]) }
  return withParent(config, worker => worker === chosen, pool)
}

/** Some are replaced after so many tasks. */
function retiring(config: Config, random: SimRandom): Config {
  if (random.chance(0.5)) return config
  return withParent(config, isParent, { maxTasks: random.pick([1, 2, 3, 6, 12]) })
}

function withParent(config: Config, isIt: (worker: WorkerConfig) => boolean, more: Partial<WorkerConfig>): Config {
  return { ...config, workers: config.workers.map(worker => (isIt(worker) ? { ...worker, ...more } : worker)) }
}

function isParent({ children }: WorkerConfig): boolean {
  return children !== undefined
}

/** Quick calls all at once, for whoever has children: some are handed to them ahead of their turn. */
export function drawBurst(config: Config, random: SimRandom): readonly Call[] {
  return !config.workers.some(isParent) || random.chance(0.4) ? [] : burstOf('b', config.storm, config, random)
}

/** `before`: it comes by then. */
function burstOf(letter: string, before: Ms, config: Config, random: SimRandom): readonly Call[] {
  const at = random.between(0, before)
  const late = random.chance(0.6)
  const queue = random.pick(config.queues)
  const client = random.pick(config.clients).name
  return Array.from({ length: random.int(6, 20) }, (_, i) => {
    const n = random.int(0, 1000)
    return { ...PLAIN_CALL, id: `${letter}${i}`, at, client, behaviour: 'plain', n, late, ignored: false, queue }
  })
}

/** `burst`: when there is one, which is the best time to kill somebody. */
export function drawKills(config: Config, burst: Ms | undefined, random: SimRandom): readonly Fault[] {
  if (!config.workers.some(isParent)) return []
  return drawStrikes('kill-child', { config, burst, count: random.int(1, 5) }, random)
}

/** Nothing that takes time has come yet, as a rule: calls are known to be quick. */
const UNDISTURBED: Ms = 2000

export interface Freezes {
  readonly faults: readonly Fault[]
  /** What children are to be at when they are frozen. */
  readonly calls: readonly Call[]
}

/** Half of those that have children have some. */
export function drawFreezes(config: Config, random: SimRandom): Freezes {
  if (!config.workers.some(isParent) || random.chance(0.5)) return { faults: [], calls: [] }
  const burst = burstOf('f', UNDISTURBED, config, random)
  const drawn = drawStrikes('freeze-child', { config, burst: burst[0]?.at, count: random.int(2, 8) }, random)
  const faults = drawn.map((fault, i) => ({
    ...fault,
    amount: i < IN_BURST ? random.int(13, 20) : Math.min(fault.amount, 12),
  }))
  return {
    faults: [...faults, ...drawOrphaning(faults, random)],
    calls: [...burst, ...drawLong(config, faults, random)],
  }
}

/** Some lose their worker while they stand still. */
function drawOrphaning(freezes: readonly Fault[], random: SimRandom): readonly Fault[] {
  return freezes
    .filter(() => random.chance(0.1))
    .map(freeze => ({ ...freeze, kind: 'kill', at: freeze.at + random.between(0, freeze.lasts) }))
}

/** Tasks that take their time, most of them with a limit to it, sent in the moment before; not to a burst, which would not be quick with them. */
function drawLong(config: Config, freezes: readonly Fault[], random: SimRandom): readonly Call[] {
  const after = freezes.slice(IN_BURST)
  if (after.length === 0 || random.chance(0.3)) return []
  const late = random.chance(0.6)
  return Array.from({ length: random.int(2, 6) }, (_, i) => {
    const at = Math.max(0, random.pick(after).at - random.between(0, 50))
    const behaviour = random.pick(['hard', 'hard', 'soft', 'slow', 'slow'] as const)
    const [client, queue] = [random.pick(config.clients).name, random.pick(config.queues)]
    return { ...PLAIN_CALL, id: `l${i}`, at, client, behaviour, n: random.int(0, 1000), late, ignored: false, queue }
  })
}

/** So many strikes come when a burst does. */
const IN_BURST = 2

interface Strikes {
  readonly config: Config
  readonly burst: Ms | undefined
  readonly count: number
}

function drawStrikes(kind: Fault['kind'], { config, burst, count }: Strikes, random: SimRandom): readonly Fault[] {
  const worker = config.workers.find(isParent)
  if (worker === undefined) return []
  // Each takes a draw, as if there were several kinds to choose from.
  const kinds = Array.from({ length: count }, () => random.pick([kind]))
  const faults = kinds.map(kind => ({ ...drawFault(kind, config, random), node: worker.name }))
  return faults.map((fault, i) =>
    burst === undefined || i >= IN_BURST ? fault : { ...fault, at: burst + 2 * i * random.next() },
  )
}
