import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Contestant } from '../row.js'

/** Node's own child processes and messages: each of two gets the next when it has answered. The floor of any such pool. */
export function forkEcho(count: number): Contestant {
  return {
    name: 'bare child_process.fork, 2 processes',
    run: async () => {
      const children = [1, 2].map(() => fork(join(import.meta.dirname, '..', 'programs', 'echo.js')))
      await Promise.all(children.map(child => answer(child, 0)))
      let left = count
      const lane = async (child: ChildProcess): Promise<void> => {
        for (; left > 0; left--) await answer(child, left)
      }
      const began = performance.now()
      await Promise.all(children.map(lane))
      const seconds = (performance.now() - began) / 1000
      for (const child of children) child.kill()
      return { rate: count / seconds }
    },
  }
}

function answer(child: ChildProcess, number: number): Promise<unknown> {
  const answered = new Promise(resolve => child.once('message', resolve))
  child.send({ id: 'f2f6c1f4-6d3f-4a1e-9d0c-000000000000', task: 'bench.noop', args: [number, 2], kwargs: {} })
  return answered
}
