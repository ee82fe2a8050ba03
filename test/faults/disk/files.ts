import type { Errno } from './fuse.js'

/** What reached the disk, in order: all that power loss is judged by. */
export type DiskStep =
  | { readonly kind: 'create'; readonly name: string; readonly file: number }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'size'; readonly file: number; readonly size: number }
  | { readonly kind: 'sync'; readonly file: number }
  | { readonly kind: 'sync-folder' }
  | { readonly kind: 'unlink'; readonly name: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }

/** What the disk refuses: every change, or those that need more room, or everything. */
export type Trouble = 'read-only' | 'full' | 'broken'

/** A disk says no. */
export class DiskError extends Error {
  readonly errno: Errno

  constructor(errno: Errno) {
    super(errno)
    this.errno = errno
  }
}

/** The bytes of one file. */
export class FileBytes {
  #bytes = Buffer.alloc(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A view; it changes with the file. */
  read(offset: number, size: number): Buffer {
    return this.#bytes.subarray(Math.min(offset, this.#size), Math.min(offset + size, this.#size))
  }

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length
    if (end > this.#size) this.resize(end)
    this.#bytes.set(data, offset)
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(size, this.#bytes.length * 2, 65_536))
      this.#bytes.copy(grown, 0, 0, this.#size)
      this.#bytes = grown
    }
    // What was cut off must read as zeros when the file grows again.
    if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    this.#size = size
  }

  copy(): FileBytes {
    const copy = new FileBytes()
    copy.write(0, this.read(0, this.#size))
    return copy
  }
}

interface File {
  readonly id: number
  readonly bytes: FileBytes
  mode: number
}

/** A flat folder of files in memory, which can get into trouble, and keeps a record of what was done to it. */
export class Files {
  readonly #names = new Map<string, File>()
  readonly #files = new Map<number, File>()
  readonly #steps: DiskStep[] | undefined
  #next = 2
  trouble: Trouble | undefined

  constructor(options: { readonly recorded: boolean }) {
    this.#steps = options.recorded ? [] : undefined
  }

  /** Empty when it keeps no record. */
  get steps(): readonly DiskStep[] {
    return this.#steps ?? []
  }

  get entries(): readonly (readonly [string, number])[] {
    return [...this.#names].map(([name, { id }]) => [name, id] as const)
  }

  find(name: string): File {
    this.#mustWork()
    const file = this.#names.get(name)
    if (file === undefined) throw new DiskError('ENOENT')
    return file
  }

  file(id: number): File {
    const file = this.#files.get(id)
    if (file === undefined) throw new DiskError('ENOENT')
    return file
  }

  create(name: string, mode: number): File {
    this.#mustTakeMore()
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const file: File = { id: this.#next++, bytes: new FileBytes(), mode: mode & 0o7777 }
    this.#names.set(name, file)
    this.#files.set(file.id, file)
    this.#steps?.push({ kind: 'create', name, file: file.id })
    return file
  }

  read(id: number, offset: number, size: number): Buffer {
    this.#mustWork()
    return this.file(id).bytes.read(offset, size)
  }

  write(id: number, offset: number, data: Buffer): void {
    this.#mustTake()
    const { bytes } = this.file(id)
    if (offset + data.length > bytes.size) this.#mustTakeMore()
    bytes.write(offset, data)
    this.#steps?.push({ kind: 'write', file: id, offset, data: Buffer.from(data) })
  }

  resize(id: number, size: number): void {
    this.#mustTake()
    this.file(id).bytes.resize(size)
    this.#steps?.push({ kind: 'size', file: id, size })
  }

  sync(id: number): void {
    this.#mustWork()
    this.#steps?.push({ kind: 'sync', file: id })
  }

  syncFolder(): void {
    this.#mustWork()
    this.#steps?.push({ kind: 'sync-folder' })
  }

  unlink(name: string): void {
    this.#mustTake()
    // Whoever has it open keeps it: it stays known by its id.
    if (!this.#names.delete(name)) throw new DiskError('ENOENT')
    this.#steps?.push({ kind: 'unlink', name })
  }

  rename(from: string, to: string): void {
    this.#mustTake()
    const file = this.find(from)
    this.#names.delete(from)
    this.#names.set(to, file)
    this.#steps?.push({ kind: 'rename', from, to })
  }

  #mustWork(): void {
    if (this.trouble === 'broken') throw new DiskError('EIO')
  }

  #mustTake(): void {
    this.#mustWork()
    if (this.trouble === 'read-only') throw new DiskError('EROFS')
  }

  #mustTakeMore(): void {
    this.#mustTake()
    if (this.trouble === 'full') throw new DiskError('ENOSPC')
  }
}
