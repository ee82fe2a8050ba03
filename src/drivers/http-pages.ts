import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '../lib/errors.js'

/** An answer to a GET. */
export interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

export interface HttpPages extends AsyncDisposable {
  /** Where it listens, with the port that was given where 0 was asked for. */
  readonly url: string
}

/** Whoever asks is a probe or a scraper: small questions, soon over. */
const TIMEOUT_MS = 10_000
const MOST_CONNECTIONS = 64

/**
 * A few pages over HTTP/1.1, to be read only. `find` gives the page of a path, undefined = there is none. Bounded in
 * connections, in the size of a question and in its time; keeps no connection open.
 *
 * @throws ConfigError `LVG_HEALTH_ADDRESS` when it cannot listen there.
 */
export async function serveHttpPages(
  host: string,
  port: number,
  find: (path: string) => Promise<Page | undefined>,
): Promise<HttpPages> {
  const server = createServer({ maxHeaderSize: 8192, keepAlive: false }, (request, response) => {
    void answer(request, response, find)
  })
  server.headersTimeout = TIMEOUT_MS
  server.requestTimeout = TIMEOUT_MS
  server.timeout = TIMEOUT_MS
  server.maxConnections = MOST_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => reject(cannotListen(host, port, cause)))
    server.listen(port, host, resolve)
  })
  // From now on what goes wrong is one connection's matter.
  server.on('error', () => undefined)
  const { address, family, port: given } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${given}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  find: (path: string) => Promise<Page | undefined>,
): Promise<void> {
  response.on('error', () => undefined)
  const page = await pageFor(method, url, find)
  response.writeHead(page.status, {
    'content-type': page.type,
    'content-length': Buffer.byteLength(page.body),
    'cache-control': 'no-store',
    connection: 'close',
    ...(page.status === 405 ? { allow: 'GET, HEAD' } : {}),
  })
  response.end(method === 'HEAD' ? undefined : page.body)
}

async function pageFor(
  method: string | undefined,
  url: string,
  find: (path: string) => Promise<Page | undefined>,
): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'Only GET and HEAD.')
  try {
    return (await find(url.split('?', 1)[0] ?? '/')) ?? plain(404, 'No such page.')
  } catch (error) {
    return plain(500, error instanceof Error ? error.message : String(error))
  }
}

function plain(status: number, text: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` }
}

function cannotListen(host: string, port: number, cause: unknown): ConfigError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ConfigError(
    'LVG_HEALTH_ADDRESS',
    `Health and metrics cannot be served at ${host}:${port} (--health, workerHealth, beatHealth): ${why}. Give an address of this machine and a port that is free.`,
    { cause },
  )
}
