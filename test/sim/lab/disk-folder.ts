import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '../../../src/drivers/sqlite/database.js'
import type { SteadyMs } from '../../../src/lib/time.js'
import type { SimRandom } from '../../../src/testing/sim/sim-random.js'

const SECTOR = 512
/** The kernel writes by itself what nobody has synced for so long. */
const WRITE_BACK = 5000

/** `full`: the file takes no page more; `read-only`: nothing can be written. */
export type DiskState = 'well' | 'full' | 'read-only'

const PRAGMAS: Readonly<Record<DiskState, string>> = {
  well: 'PRAGMA query_only = 0; PRAGMA max_page_count = 4294967294',
  // As many as it has: fewer are not heeded.
  full: 'PRAGMA query_only = 0; PRAGMA max_page_count = 1',
  'read-only': 'PRAGMA query_only = 1',
}

/** How much of the log was written at an instant, and whether it was synced then. */
interface Written {
  readonly at: SteadyMs
  readonly size: number
  readonly synced: boolean
}

/**
 * The disk of a simulated machine: one real SQLite file with its write-ahead log, in a folder of its own. The log only
 * grows, because one connection stays open and none checkpoints, so the state after a power loss is the file with as
 * much of the log as was synced or written back, and of the rest any sectors or none. That SQLite syncs when it says
 * so, and checkpoints soundly, is what test/faults/power-loss.test.ts shows with the writes of a real process.
 */
export class DiskFolder implements Disposable {
  readonly #folder: string
  readonly #open = new Set<Database>()
  #written: Written[] = []
  #losses = 0
  #state: DiskState = 'well'

  constructor() {
    // Where there is a disk of memory, syncs cost nothing.
    this.#folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lovage-sim-'))
  }

  /** After a power loss another one: what this process still knows of the old file would pass for what the disk kept. */
  get path(): string {
    return join(this.#folder, `queue-${this.#losses}.db`)
  }

  /** A connection that ends with its process, or with the power. */
  adopt(db: Database): Disposable {
    db.exec(`PRAGMA wal_autocheckpoint = 0; ${PRAGMAS[this.#state]}`)
    this.#open.add(db)
    return {
      [Symbol.dispose]: () => {
        if (this.#open.delete(db)) db.close()
      },
    }
  }

  get isWell(): boolean {
    return this.#state === 'well'
  }

  disk(is: DiskState): void {
    this.#state = is
    for (const db of this.#open) {
      try {
        db.exec(PRAGMAS[is])
      } catch {
        // Its session has closed it, in good order.
        this.#open.delete(db)
      }
    }
  }

  /** A commit has been made by a connection that syncs, or does not. */
  committed(at: SteadyMs, synced: boolean): void {
    const size = statSync(`${this.path}-wal`).size
    if (size !== this.#written.at(-1)?.size || synced) this.#written.push({ at, size, synced })
  }

  /** Every connection is gone, and of the log what the disk kept is left. */
  loseUnsynced(now: SteadyMs, random: SimRandom): void {
    // Nobody has come so far as to open it.
    if (!existsSync(this.path)) return
    const file = readFileSync(this.path)
    // Nor written into it since the last time.
    const log = existsSync(`${this.path}-wal`) ? readFileSync(`${this.path}-wal`) : Buffer.alloc(0)
    const kept = this.#kept(now, random)
    const left = random.chance(0.5) ? torn(log, kept, random) : log.subarray(0, kept)
    this.#close()
    this.#losses++
    writeFileSync(this.path, file)
    writeFileSync(`${this.path}-wal`, left)
    // What is there now is on the disk.
    this.#written = [{ at: now, size: left.length, synced: true }]
  }

  #close(): void {
    for (const db of this.#open) db.close()
    this.#open.clear()
  }

  [Symbol.dispose](): void {
    this.#close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #kept(now: SteadyMs, random: SimRandom): number {
    const writtenBack = now - random.between(0, WRITE_BACK)
    return this.#written.findLast(({ at, synced }) => synced || at <= writtenBack)?.size ?? 0
  }
}

/** Of what was not synced each sector is there, or is not. */
function torn(log: Uint8Array, from: number, random: SimRandom): Uint8Array {
  for (let at = from; at < log.length; ) {
    const end = Math.min(log.length, at + SECTOR - (at % SECTOR))
    if (random.chance(0.5)) log.fill(0, at, end)
    at = end
  }
  return log
}
