import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { MissingResource, type Resource, TransientError } from './resources.ts'

/**
 * Streams resources into a zip. It is written beside its place and moved there when whole, so nobody ever sees half a
 * package, and a second attempt simply replaces what the first one left.
 */
export async function writeZip(
  path: string,
  resources: readonly Resource[],
  signal: AbortSignal,
  moved: (bytes: number) => void,
): Promise<void> {
  const half = `${path}.${process.pid}.part`
  const zip = new ZipFile()
  zip.on('error', error => (zip.outputStream as Readable).destroy(error))
  for (const resource of resources) {
    zip.addReadStreamLazy(resource.name, { size: resource.bytes, compress: false }, deliver => {
      open(resource, signal, moved).then(
        stream => deliver(null, stream),
        error => deliver(error, Readable.from([])),
      )
    })
  }
  zip.end()
  try {
    await pipeline(zip.outputStream, createWriteStream(half), { signal })
    await rename(half, path)
  } catch (error) {
    await rm(half, { force: true })
    signal.throwIfAborted()
    if (error instanceof MissingResource) throw error
    throw new TransientError('a resource broke off while it was packed', { cause: error })
  }
}

/** The resource's bytes, counted as they pass. */
async function open(resource: Resource, signal: AbortSignal, moved: (bytes: number) => void): Promise<Readable> {
  const source = await resource.open(signal)
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      moved(chunk.byteLength)
      done(null, chunk)
    },
  })
  source.on('error', error => counter.destroy(error))
  return source.pipe(counter)
}
