import { appendFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A file of lines that is only appended to, and taken as a whole. Made on first use; missing = empty. */
export class AppendFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Resolves when the line is handed to the operating system; `line` must not contain a line break. */
  async append(line: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true })
    await appendFile(this.path, `${line}\n`)
  }

  /**
   * The lines, which stay on disk under another name until `drop`: a crash in between finds them again, before any newer ones. A last line
   * that was cut off by a crash is returned as it is; the reader judges it.
   */
  async take(): Promise<readonly string[]> {
    let text = await readFile(this.#taken, 'utf8').catch(ignoreMissing)
    if (text === undefined) {
      await rename(this.path, this.#taken).catch(ignoreMissing)
      text = await readFile(this.#taken, 'utf8').catch(ignoreMissing)
    }
    return text === undefined ? [] : text.split('\n').filter(line => line !== '')
  }

  async drop(): Promise<void> {
    await rm(this.#taken, { force: true })
  }

  get #taken(): string {
    return `${this.path}.taken`
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
