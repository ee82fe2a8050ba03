import { createServer, type Server, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { contents } from './contents.ts'

const CHUNK = 64 * 1024

/**
 * An HTTP server as one meets them: slow, and failing at first. The first request for each resource is answered 503,
 * the second breaks off in the middle; after that it works.
 */
export class ResourceServer implements AsyncDisposable {
  readonly #files: ReadonlyMap<string, number>
  readonly #asked = new Map<string, number>()
  readonly #server: Server

  /** `files`: name → size. */
  constructor(files: ReadonlyMap<string, number>) {
    this.#files = files
    this.#server = createServer((request, response) => {
      this.#answer(request.method ?? 'GET', (request.url ?? '/').slice(1), response).catch(() => response.destroy())
    })
  }

  /** Resolves to its URL. */
  async start(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #answer(method: string, name: string, response: ServerResponse): Promise<void> {
    const size = this.#files.get(name)
    if (size === undefined) {
      response.writeHead(404).end()
      return
    }
    if (method === 'HEAD') {
      response.writeHead(200, { 'content-length': size }).end()
      return
    }
    const times = (this.#asked.get(name) ?? 0) + 1
    this.#asked.set(name, times)
    if (times === 1) {
      response.writeHead(503).end()
      return
    }
    const bytes = contents(name, size)
    response.writeHead(200, { 'content-length': size })
    for (let at = 0; at < size; at += CHUNK) {
      if (times === 2 && at > size / 2) {
        response.destroy()
        return
      }
      if (!response.write(bytes.subarray(at, at + CHUNK))) await new Promise(resolve => response.once('drain', resolve))
      await pause(15)
    }
    response.end()
  }
}
