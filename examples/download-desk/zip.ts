import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { MissingResource, type Resource, TransientError } from './resources.ts'

/**
 * Streams resources into a zip. It is written beside its place and moved there when whole, so nobody ever sees half a
 * package, and a second attempt simply replaces what the first one made. `moved` hears of every piece that passes.
 */
export async function writeZip(
  path: string,
  resources: readonly Resource[],
  signal: AbortSignal,
  moved: (bytes: number) => void,
): Promise<void> {
  const half = `${path}.${process.pid}.part`
  const zip = new ZipFile()
  const packed = zip.outputStream as Readable
  zip.on('error', error => packed.destroy(error))
  const streams = resources.map(resource => {
    const stream = Readable.from(read(resource, signal, moved), { objectMode: false })
    // yazl leaves the errors of what it reads to whoever made it.
    stream.on('error', error => packed.destroy(error))
    zip.addReadStream(stream, resource.name, { size: resource.bytes, compress: false })
    return stream
  })
  zip.end()
  try {
    await pipeline(packed, createWriteStream(half), { signal })
    await rename(half, path)
  } catch (error) {
    await rm(half, { force: true })
    signal.throwIfAborted()
    if (error instanceof MissingResource) throw error
    throw new TransientError('a resource broke off while it was packed', { cause: error })
  } finally {
    for (const stream of streams) stream.destroy()
  }
}

/** Opened when the zip comes to it, not before. */
async function* read(
  resource: Resource,
  signal: AbortSignal,
  moved: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of await resource.open(signal)) {
    moved(chunk.byteLength)
    yield chunk
  }
}
