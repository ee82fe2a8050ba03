import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, read, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { DiskError, type Files } from './files.js'
import {
  attributesReply,
  entryReply,
  type FuseRequest,
  folderReply,
  initReply,
  type NodeAttributes,
  OPCODE,
  openReply,
  parseRequest,
  REQUEST_BYTES,
  ROOT,
  readNames,
  readRange,
  readSetattr,
  readWrite,
  refusal,
  reply,
  statfsReply,
  writeReply,
} from './fuse.js'

const readDevice = promisify(read)
const NOTHING = Buffer.alloc(0)

/** Mounts files as a file system at a folder, and serves it until it is unmounted. Nobody in this process may use it. */
export class Mount {
  readonly #files: Files
  readonly #folder: string
  readonly #device: number

  /** Throws when this system does not let us mount. */
  constructor(files: Files, folder: string) {
    this.#files = files
    this.#folder = folder
    this.#device = openSync('/dev/fuse', 'r+')
    const options = `fd=3,rootmode=40000,user_id=${process.getuid?.()},group_id=${process.getgid?.()}`
    const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'lovage-faults', folder], {
      stdio: ['ignore', 'ignore', 'pipe', this.#device],
    })
    if (mounted.status === 0) return
    closeSync(this.#device)
    throw new Error(`mounting is not possible here: ${mounted.error?.message ?? String(mounted.stderr).trim()}`)
  }

  /** Resolves when it is unmounted. */
  async serve(): Promise<void> {
    const buffer = Buffer.alloc(REQUEST_BYTES)
    for (;;) {
      try {
        const { bytesRead } = await readDevice(this.#device, buffer, 0, buffer.length, null)
        this.#answer(parseRequest(buffer.subarray(0, bytesRead)))
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === 'ENODEV') break
        // The request was taken back before it was read, or before it was answered.
        if (code !== 'ENOENT' && code !== 'EINTR' && code !== 'EAGAIN') throw error
      }
    }
    closeSync(this.#device)
  }

  /** Lazily: whoever has files open loses them with this process. */
  unmount(): ChildProcess {
    return spawn('umount', ['-l', this.#folder], { stdio: 'ignore' })
  }

  #answer(request: FuseRequest): void {
    const { opcode, unique } = request
    if (opcode === OPCODE.forget || opcode === OPCODE.batchForget || opcode === OPCODE.interrupt) return
    writeSync(this.#device, this.#reply(request, unique))
  }

  #reply(request: FuseRequest, unique: bigint): Buffer {
    try {
      const body = this.#perform(request)
      return body === undefined ? refusal(unique, 'ENOSYS') : reply(unique, body)
    } catch (error) {
      if (error instanceof DiskError) return refusal(unique, error.errno)
      throw error
    }
  }

  /** Undefined: nothing that a flat folder can do. */
  #perform({ opcode, node, body }: FuseRequest): Buffer | undefined {
    const files = this.#files
    switch (opcode) {
      case OPCODE.init:
        return initReply()
      case OPCODE.lookup:
        return entryReply(this.#attributes(files.find(readNames(body, 0)[0] ?? '').id))
      case OPCODE.getattr:
        return attributesReply(this.#attributes(node))
      case OPCODE.setattr: {
        const { size, mode } = readSetattr(body)
        if (size !== undefined) files.resize(node, size)
        if (mode !== undefined && node !== ROOT) files.file(node).mode = mode
        return attributesReply(this.#attributes(node))
      }
      case OPCODE.create: {
        const { id } = files.create(readNames(body, 16)[0] ?? '', body.readUInt32LE(4))
        return Buffer.concat([entryReply(this.#attributes(id)), openReply()])
      }
      case OPCODE.open:
        files.read(node, 0, 0)
        return openReply()
      case OPCODE.opendir:
        return openReply()
      case OPCODE.read: {
        const { offset, size } = readRange(body)
        return files.read(node, offset, size)
      }
      case OPCODE.write: {
        const { offset, data } = readWrite(body)
        files.write(node, offset, data)
        return writeReply(data.length)
      }
      case OPCODE.fsync:
        files.sync(node)
        return NOTHING
      case OPCODE.fsyncdir:
        files.syncFolder()
        return NOTHING
      case OPCODE.unlink:
        files.unlink(readNames(body, 0)[0] ?? '')
        return NOTHING
      case OPCODE.rename:
      case OPCODE.rename2: {
        const [from = '', to = ''] = readNames(body, opcode === OPCODE.rename ? 8 : 16)
        files.rename(from, to)
        return NOTHING
      }
      case OPCODE.readdir: {
        const { offset, size } = readRange(body)
        return folderReply(files.entries, offset, size)
      }
      case OPCODE.statfs:
        return statfsReply(files.trouble === 'full' ? 0 : 1 << 18)
      case OPCODE.access:
      case OPCODE.flush:
      case OPCODE.release:
      case OPCODE.releasedir:
      case OPCODE.destroy:
        return NOTHING
      default:
        return undefined
    }
  }

  #attributes(id: number): NodeAttributes {
    if (id === ROOT) return { id, size: 0, mode: undefined }
    const { bytes, mode } = this.#files.file(id)
    return { id, size: bytes.size, mode }
  }
}
