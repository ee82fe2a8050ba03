import { parentPort } from 'node:worker_threads'
import { LARGE_INPUTS } from './large-inputs.js'

/** What is told of each input: its name before it is read, the time afterwards. */
export type LargeReport =
  | { readonly kind: 'begun'; readonly name: string }
  | {
      readonly kind: 'done'
      readonly name: string
      readonly bytes: number
      readonly ms: number
      readonly outcome?: string
      readonly problem?: string
    }

for (const make of LARGE_INPUTS) {
  const { name, bytes, read } = make()
  tell({ kind: 'begun', name })
  const begun = performance.now()
  try {
    const outcome = String(read())
    tell({ kind: 'done', name, bytes, ms: performance.now() - begun, outcome })
  } catch (error) {
    tell({ kind: 'done', name, bytes, ms: performance.now() - begun, problem: String(error) })
  }
}

function tell(report: LargeReport): void {
  parentPort?.postMessage(report)
}
