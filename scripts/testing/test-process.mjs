import { spawn } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../set-up.mjs'
import { BUNDLED } from './test-bundle.mjs'

const REPORTER = new URL('./test-reporter.mjs', import.meta.url).href
const LOOK_MS = 1000

/**
 * One test file in a process, and a process group, of its own. Resolves to what there is to say of it, whatever happened.
 *
 * `record`: the path of the file into which its reporter writes what happens, one JSON line per event, as it happens. By
 * that a file that hangs is known, and which of its tests were running. `say` gets what the process writes.
 */
export async function runFile(source, { record, patience, nodeFlags, environment, say, onStart }) {
  const compiled = join(BUNDLED, source.replace(/\.ts$/, '.js'))
  const reporter = `${REPORTER}?record=${encodeURIComponent(record)}`
  const reporting = [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout']
  const started = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', ...reporting, ...nodeFlags, compiled], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const end = () => endGroup(child.pid)
  onStart?.(end)
  child.stdout.on('data', say)
  child.stderr.on('data', say)
  const watch = watchOver(record, patience, end)
  const exit = await new Promise(resolve => {
    child.once('error', error => resolve(`could not be started: ${error.message}`))
    child.once('close', (code, signal) => resolve(signal ?? code))
  })
  clearInterval(watch.timer)
  // What its tests have started does not outlive it.
  end()
  const events = readEvents(record)
  return { source, seconds: (performance.now() - started) / 1000, exit, hung: watch.hung(), events }
}

function watchOver(record, patience, end) {
  let known = -1
  let since = performance.now()
  let hung
  const look = () => {
    const size = statSync(record, { throwIfNoEntry: false })?.size ?? 0
    const now = performance.now()
    if (size !== known) {
      known = size
      since = now
    } else if (patience > 0 && now - since > patience && hung === undefined) {
      hung = Math.round((now - since) / 1000)
      end()
    }
  }
  return { timer: setInterval(look, LOOK_MS), hung: () => hung }
}

function readEvents(record) {
  if (!existsSync(record)) return []
  // The last line is empty, or was not finished.
  return readFileSync(record, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
}

function endGroup(pid) {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}
