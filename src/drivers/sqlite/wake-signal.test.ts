import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Clock } from '../../lib/runtime.js'
import { Database } from './database.js'
import { WakeSignal } from './wake-signal.js'

/** Timers that ring when the test says so: no poll happens by itself. */
class StillClock implements Clock {
  readonly waits: number[] = []
  #ring: (() => void) | undefined

  now(): number {
    return 0
  }

  steady(): number {
    return 0
  }

  sleep(): Promise<void> {
    return Promise.reject(new Error('nobody sleeps here'))
  }

  timer(ms: number, ring: () => void): Disposable {
    this.waits.push(ms)
    this.#ring = ring
    return { [Symbol.dispose]: () => undefined }
  }

  ring(): void {
    this.#ring?.()
  }
}

function fresh(): { readonly path: string; open(): Database } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'lovage-wake-'))
  const path = join(folder, 'x.db')
  const opened: Database[] = []
  return {
    path,
    open() {
      const db = new Database(path, { durability: 'os' })
      opened.push(db)
      return db
    },
    [Symbol.dispose]() {
      for (const db of opened) db.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

test('a touch through the watched file wakes without any poll', async () => {
  using file = fresh()
  const listening = new WakeSignal(file.open(), new StillClock(), `${file.path}-wake`)
  const touching = new WakeSignal(file.open(), new StillClock(), `${file.path}-wake`)
  // The watch itself does not keep a process alive.
  const alive = setTimeout(() => listening.close(), 10_000)
  const woken = new Promise<void>(resolve => listening.watch(resolve))
  touching.touch()
  await woken
  clearTimeout(alive)
  listening.close()
  touching.close()
})

test('without a watched file the next poll notices what another connection has committed', () => {
  using file = fresh()
  const clock = new StillClock()
  const signal = new WakeSignal(file.open(), clock, undefined)
  let hints = 0
  signal.watch(() => hints++)
  clock.ring()
  assert.equal(hints, 0)
  file.open().exec('CREATE TABLE t (a)')
  clock.ring()
  assert.equal(hints, 1)
  signal.close()
})

test('polling slows down to every 250 ms while nothing happens, and starts anew after something did', () => {
  using file = fresh()
  const clock = new StillClock()
  const signal = new WakeSignal(file.open(), clock, undefined)
  signal.watch(() => undefined)
  for (let i = 0; i < 5; i++) clock.ring()
  file.open().exec('CREATE TABLE t (a)')
  clock.ring()
  assert.deepEqual(clock.waits, [25, 50, 100, 200, 250, 250, 25])
  signal.close()
})

test('touching never fails, even where no signal file can be', () => {
  using file = fresh()
  const signal = new WakeSignal(file.open(), new StillClock(), '/no/such/folder/wake')
  let hints = 0
  signal.watch(() => hints++)
  signal.touch()
  assert.equal(hints, 1)
  signal.close()
})
