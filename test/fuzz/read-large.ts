import { Worker } from 'node:worker_threads'
import type { LargeReport } from './large-thread.js'

export type LargeResult = LargeReport & { readonly kind: 'done' }

/** Has a thread read every large input. One that takes longer than `patience` ends the run, with the problem that it hangs. */
export async function readLarge(patience: number): Promise<readonly LargeResult[]> {
  const results: LargeResult[] = []
  const thread = new Worker(new URL('./large-thread.js', import.meta.url))
  let timer: NodeJS.Timeout | undefined
  await new Promise<void>((resolve, reject) => {
    thread.on('message', (report: LargeReport) => {
      clearTimeout(timer)
      if (report.kind === 'done') {
        results.push(report)
        return
      }
      timer = setTimeout(() => {
        results.push({ kind: 'done', name: report.name, bytes: 0, ms: patience, problem: 'it hangs' })
        void thread.terminate()
      }, patience)
    })
    thread.once('error', reject)
    thread.once('exit', () => resolve())
  })
  clearTimeout(timer)
  return results
}
