import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { places } from './places.ts'

/** Waiting may help: the server is busy, the connection broke. The task is tried again. */
export class TransientError extends Error {
  override readonly name = 'TransientError'
}

/** It is not there, and will not be: the request goes on without it. */
export class MissingResource extends Error {
  override readonly name = 'MissingResource'
}

export interface Resource {
  readonly name: string
  readonly bytes: number
  /** Its bytes, piece by piece. */
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
}

/** `file:roads.bin` from the desk's own folder, `http://…` from a server. */
export async function findResource(address: string, signal: AbortSignal): Promise<Resource> {
  return address.startsWith('file:') ? findFile(address.slice('file:'.length)) : findRemote(address, signal)
}

async function findFile(name: string): Promise<Resource> {
  const path = join(places.resources, basename(name))
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new MissingResource(`there is no file ${name}`)
  return { name, bytes: found.size, open: async () => createReadStream(path) }
}

async function findRemote(url: string, signal: AbortSignal): Promise<Resource> {
  const head = await ask(url, 'HEAD', signal)
  return {
    name: new URL(url).pathname.slice(1),
    bytes: Number(head.headers.get('content-length')),
    open: async reading => {
      const { body } = await ask(url, 'GET', reading)
      if (body === null) throw new TransientError(`${url} sent nothing`)
      return body
    },
  }
}

async function ask(url: string, method: 'HEAD' | 'GET', signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { method, signal }).catch(error => {
    signal.throwIfAborted()
    throw new TransientError(`cannot reach ${url}`, { cause: error })
  })
  if (response.status === 404) throw new MissingResource(`${url} does not exist`)
  if (!response.ok) throw new TransientError(`${url} answered ${response.status}`)
  return response
}
