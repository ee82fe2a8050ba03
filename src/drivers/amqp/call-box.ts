import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deferred } from '../../lib/deferred.js'

/** What the name of a socket may be long, on the system that allows least. */
const LONGEST_PATH = 103

/**
 * A place where one caller of this process is waited for, and nobody else is let in: a socket in a folder that only this user
 * may enter (on Windows a pipe whose name cannot be guessed), which is gone as soon as the call has come.
 */
export class CallBox implements AsyncDisposable {
  readonly path: string
  /** Never settles when nobody calls. */
  readonly called: Promise<Socket>
  readonly #server: Server
  readonly #folder: string | undefined

  private constructor(path: string, folder: string | undefined, server: Server, called: Promise<Socket>) {
    this.path = path
    this.#folder = folder
    this.#server = server
    this.called = called
  }

  /** Rejects with the system's error where no place can be had. */
  static async open(): Promise<CallBox> {
    const folder = process.platform === 'win32' ? undefined : await privateFolder()
    const path = folder === undefined ? `\\\\.\\pipe\\lovage-${randomBytes(16).toString('hex')}` : join(folder, 'line')
    const called = deferred<Socket>()
    const listening = deferred()
    const server = createServer({ pauseOnConnect: true }, called.resolve)
    server.on('error', listening.reject)
    server.listen(path, listening.resolve)
    const box = new CallBox(path, folder, server, called.promise)
    try {
      await listening.promise
      return box
    } catch (error) {
      await box[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Closes the place; who has called stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Closing takes the socket's name away at once.
    this.#server.close()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Temporary folders may be read-only in a container, or have long names. */
async function privateFolder(): Promise<string> {
  const parents = [tmpdir(), '/tmp', '/dev/shm'].filter(
    parent => parent.length + '/lovage-XXXXXX/line'.length <= LONGEST_PATH,
  )
  let trouble: unknown
  for (const parent of parents) {
    try {
      return await mkdtemp(join(parent, 'lovage-'))
    } catch (error) {
      trouble = error
    }
  }
  throw trouble
}
