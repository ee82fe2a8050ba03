import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { places } from './places.ts'

/** The bytes of a resource follow from its name, so anybody can check them without a copy. */
export function contents(name: string, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let block = createHash('sha512').update(name).digest()
  for (let at = 0; at < size; at += block.length) {
    block.copy(bytes, at)
    block = createHash('sha512').update(block).digest()
  }
  return bytes
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Makes the local files that are not there yet. */
export async function generate(files: ReadonlyMap<string, number>): Promise<void> {
  await mkdir(places.resources, { recursive: true })
  for (const [name, size] of files) {
    const path = join(places.resources, name)
    if (!existsSync(path)) await writeFile(path, contents(name, size))
  }
}
