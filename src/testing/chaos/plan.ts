import { SimRandom } from '../sim/sim-random.js'

/** What is to become of a task: `work` succeeds, `fail` fails, `retry` asks for one more attempt first, `quiet` keeps no result. */
export type TaskKind = 'work' | 'fail' | 'retry' | 'quiet'

export interface PlannedTask {
  readonly id: string
  readonly kind: TaskKind
  /** How long the handler takes. */
  readonly ms: number
}

/**
 * The load: 80 % of 1–5 ms, 15 % of 50–200 ms, the rest of 200 ms up to `longest`. A worker that lives for a second
 * never ends a task of three, so `longest` has to stay below the workers' mean life. The same seed plans the same tasks
 * in every process.
 */
export function planTasks(seed: string, count: number, longest: number): readonly PlannedTask[] {
  const random = new SimRandom(seed).split('tasks')
  return Array.from({ length: count }, (_, index) => ({
    id: `task-${String(index).padStart(6, '0')}`,
    kind: kindOf(random),
    ms: Math.round(durationOf(random, longest)),
  }))
}

function kindOf(random: SimRandom): TaskKind {
  const share = random.next()
  if (share < 0.02) return 'fail'
  if (share < 0.04) return 'quiet'
  return share < 0.07 ? 'retry' : 'work'
}

function durationOf(random: SimRandom, longest: number): number {
  const share = random.next()
  if (share < 0.8) return random.between(1, 5)
  return share < 0.95 ? random.between(50, 200) : random.between(200, longest)
}
