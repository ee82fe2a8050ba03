import { bullMqFlow } from '../contestants/bullmq-flow.js'
import { celeryWorkflow } from '../contestants/celery-workflow.js'
import { lovageWorkflow } from '../contestants/lovage-workflow.js'
import type { Row } from '../row.js'

/** Chords and chains of a thousand, from send to the last result, over Redis. */
export function workflows(): readonly Row[] {
  const chord = { kind: 'chord', size: 1000, times: 3 } as const
  const chain = { kind: 'chain', size: 1000, times: 1 } as const
  return [
    {
      name: 'chord-1000-celery',
      title: 'a chord of 1,000 over Redis, two processes: send to the result of its body',
      needs: ['Redis', 'Celery'],
      figures: [{ name: 'whole', unit: 'ms', aim: { kind: 'ratio-at-most', value: 0.2 } }],
      ours: () => lovageWorkflow(chord),
      theirs: () => celeryWorkflow(chord),
    },
    {
      name: 'chord-1000-bullmq',
      title: 'a chord of 1,000 over Redis, two processes, against a flow of 1,000 children',
      needs: ['Redis'],
      figures: [{ name: 'whole', unit: 'ms', aim: { kind: 'ratio-at-most', value: 1 } }],
      ours: () => lovageWorkflow(chord),
      theirs: () => bullMqFlow(chord),
    },
    {
      name: 'chain-1000-celery',
      title: 'a chain of 1,000 over Redis, two processes: send to the result of its last step',
      needs: ['Redis', 'Celery'],
      figures: [{ name: 'whole', unit: 'ms', aim: { kind: 'ratio-at-most', value: 0.333 } }],
      ours: () => lovageWorkflow(chain),
      theirs: () => celeryWorkflow(chain),
    },
    members(1000),
    members(10_000),
  ]
}

/** What a member of a large chord costs, beside what one of a small chord does. */
function members(size: number): Row {
  return {
    name: `canvas-members-${size}`,
    title: `a member of a chord of ${size.toLocaleString('en')} over Redis, beside one of a chord of 100`,
    needs: ['Redis'],
    figures: [{ name: 'member', unit: 'µs', aim: { kind: 'ratio-at-most', value: 1.2 } }],
    ours: () => lovageWorkflow({ kind: 'chord', size, times: 10_000 / size }),
    theirs: () => lovageWorkflow({ kind: 'chord', size: 100, times: 20 }, { beside: true }),
  }
}
