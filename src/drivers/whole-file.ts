import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A text that is read and written as a whole: whoever reads finds the old one or the new one, never a part. */
export class WholeFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Undefined: there is none yet. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Resolves when it is on disk. */
  async write(text: string): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true })
    const next = `${this.path}.new`
    const file = await open(next, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, this.path)
  }

  /** Gives it another name, under which nobody reads it; answers that name. */
  async setAside(name: string): Promise<string> {
    const aside = `${this.path}.${name}`
    await rename(this.path, aside)
    return aside
  }
}
