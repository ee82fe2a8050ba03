import assert from 'node:assert/strict'
import { type TestOptions, test } from 'node:test'
import type { LovageProcess } from '../cli/process.js'
import { Disk, lacksDisk } from './disk/disk.js'
import { House, stop } from './house.js'

/* Signals at awkward moments, to real workers: reliability F09, D80, D81. */

const posix: TestOptions = { skip: process.platform === 'win32' ? 'lacks such signals' : false }
const disk: TestOptions = { skip: lacksDisk ?? false }

for (const [signals, code] of [
  [['SIGTERM'], 143],
  [['SIGINT'], 130],
  [['SIGQUIT'], 131],
  [['SIGTERM', 'SIGTERM'], 143],
] as const) {
  test(`F09 ${signals.join(' and ')} while modules are loaded: it ends, by that signal`, posix, async () => {
    await using house = new House({
      tasks: "console.log('loading'); while (!existsSync('loaded')) await pause()",
    })
    const worker = house.spawn()
    await worker.says(/loading/)
    await sendEach(worker, signals)
    // The first lets the load end; a second one does not wait for it.
    await pause()
    if (signals.length === 1) house.write('loaded', '')
    assert.deepEqual(await worker.end(), { code, signal: null })
  })
}

for (const [signals, code] of [
  [['SIGTERM'], 0],
  [['SIGINT'], 1],
  [['SIGQUIT'], 0],
  [['SIGINT', 'SIGINT'], 1],
] as const) {
  test(
    `F09 D81 ${signals.join(' and ')} while the broker is away: it ends as it should, within its deadlines`,
    disk,
    async () => {
      await using small = await Disk.mount()
      await using house = new House({ database: small.path('lovage.db') })
      const worker = await house.worker()
      await small.trouble('broken')
      await sendEach(worker, signals)
      assert.deepEqual(await worker.end(), { code, signal: null })
    },
  )

  test(
    `F09 D81 ${signals.join(' and ')} to a worker that has not reached its broker yet: it ends as it should`,
    disk,
    async () => {
      await using small = await Disk.mount()
      await using house = new House({ database: small.path('lovage.db') })
      await stop(await house.worker())
      await small.trouble('broken')
      const worker = house.spawn()
      await worker.says(/Cannot connect to/)
      await sendEach(worker, signals)
      assert.deepEqual(await worker.end(), { code, signal: null })
    },
  )
}

/** Two of a kind that are sent at once are one to the receiver. */
async function sendEach(worker: LovageProcess, signals: readonly NodeJS.Signals[]): Promise<void> {
  for (const [i, signal] of signals.entries()) {
    if (i > 0) await pause()
    worker.kill(signal)
  }
}

/** Long enough for a signal to arrive. */
function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 200))
}
