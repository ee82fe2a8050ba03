import { forkEcho } from '../contestants/fork-echo.js'
import { poolCalls } from '../contestants/pool-calls.js'
import { type Waits, waitingWorker } from '../contestants/waiting-worker.js'
import type { Contestant, Row } from '../row.js'

/** About 5 ms of one CPU. */
const TURNS = 5_000_000

const WAITS: Waits = { count: 2000, wait: 50, concurrency: 100 }

/** What it costs to have a task run elsewhere. */
export function preforkHandover(count: number): Row {
  return {
    name: 'prefork-handover',
    title: 'No-ops handed to two child processes, beside bare Node messages',
    needs: [],
    figures: [{ name: 'rate', unit: 'tasks/s', aim: { kind: 'at-least', value: 20_000 } }],
    ours: () => poolCalls({ kind: 'prefork', size: 2, task: 'bench.noop', args: [1, 2], count }),
    theirs: () => forkEcho(count),
  }
}

/** Work that needs CPUs, on two of them, beside one. */
export function twoCores(kind: 'prefork' | 'threads'): Row {
  const work = { task: 'bench.compute', args: [TURNS], count: 400 }
  return {
    name: `cpu-2-cores-${kind}`,
    title: `Tasks of about 5 ms of CPU on two children (${kind}), beside one event loop`,
    needs: [],
    figures: [{ name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 1.8 } }],
    ours: () => poolCalls({ ...work, kind, size: 2 }),
    theirs: () => poolCalls({ ...work, kind: 'inline', size: 1 }),
  }
}

/** Work that waits: the time for all of it, beside the shortest there can be. */
export function waits(): Row {
  const { count, wait, concurrency } = WAITS
  return {
    name: 'io-50ms',
    title: `${count} tasks of ${wait} ms, ${concurrency} at a time, beside the shortest time there can be`,
    needs: [],
    figures: [{ name: 'makespan', unit: 'ms', aim: { kind: 'ratio-at-most', value: 1.1 } }],
    ours: () => waitingWorker(WAITS),
    theirs: ideal,
  }
}

function ideal(): Contestant {
  const { count, wait, concurrency } = WAITS
  return { name: 'the shortest', run: async () => ({ makespan: (count / concurrency) * wait }) }
}
