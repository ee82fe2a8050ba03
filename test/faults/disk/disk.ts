import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ToDisk } from '../children/disk.js'
import type { DiskStep, Trouble } from './files.js'

/** Why there can be no disk of our own here; undefined when there can. */
export const lacksDisk: string | undefined =
  process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/dev/fuse')
    ? undefined
    : 'lacks the right to mount a file system'

/** A file system made for being in trouble, mounted at `folder`. Unmounted when disposed. */
export class Disk implements AsyncDisposable {
  readonly folder: string
  readonly #process: ChildProcess

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder
    this.#process = child
  }

  /** `recorded`: every step is kept, for `steps`. */
  static async mount(options: { readonly recorded?: boolean } = {}): Promise<Disk> {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-disk-'))
    const program = new URL('../children/disk.js', import.meta.url).pathname
    const words = options.recorded === true ? [folder, 'recorded'] : [folder]
    const child = fork(program, words, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const disk = new Disk(folder, child)
    const [said] = await once(child, 'message')
    if (said === 'mounted') return disk
    await disk[Symbol.asyncDispose]()
    throw new Error(String(said))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Undefined: everything works again. */
  async trouble(trouble: Trouble | undefined): Promise<void> {
    await this.#ask({ kind: 'trouble', trouble })
  }

  /** What was done to it so far. */
  async steps(): Promise<readonly DiskStep[]> {
    return (await this.#ask({ kind: 'steps' })) as readonly DiskStep[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit')
    rmdirSync(this.folder)
  }

  async #ask(message: ToDisk): Promise<unknown> {
    const answered = once(this.#process, 'message')
    this.#process.send(message)
    return (await answered)[0]
  }
}
