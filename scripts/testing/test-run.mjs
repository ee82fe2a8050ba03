import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runFile } from './test-process.mjs'

/** Runs the files in their order, `atOnce` at a time; what each writes is shown when it ends, or at once when it is the only one. */
export async function runFiles(files, { atOnce, ...options }) {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-test-'))
  const ends = new Set()
  const stop = signal => {
    for (const end of ends) end()
    rmSync(folder, { recursive: true, force: true })
    process.exit(128 + (signal === 'SIGINT' ? 2 : 15))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stop)
  const runs = []
  const waiting = files.entries()
  const work = async () => {
    for (const [index, source] of waiting) {
      const record = join(folder, `${index}.jsonl`)
      const text = []
      let end
      const run = await runFile(source, {
        ...options,
        record,
        say: files.length === 1 ? bytes => process.stdout.write(bytes) : bytes => text.push(bytes),
        onStart: how => {
          end = how
          ends.add(how)
        },
      })
      ends.delete(end)
      rmSync(record, { force: true })
      runs.push(run)
      if (files.length === 1) continue
      process.stdout.write(Buffer.concat(text))
      console.log(`— ${source}: ${run.seconds.toFixed(1)} s (${runs.length} of ${files.length})`)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.max(1, atOnce) }, work))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return runs
}
