import { statSync } from 'node:fs'
import { join } from 'node:path'

/** In the order they are looked for: source before what was compiled from it. */
export const MODULE_EXTENSIONS: readonly string[] = ['.ts', '.mts', '.js', '.mjs', '.cts', '.cjs']

export type Found = 'file' | 'folder' | undefined

export function whatIsAt(path: string): Found {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() ? 'file' : stats?.isDirectory() ? 'folder' : undefined
}

/** The first of `folder/name.{ts,mts,js,…}` that exists. */
export function findModule(folder: string, names: readonly string[]): string | undefined {
  for (const name of names) {
    for (const extension of MODULE_EXTENSIONS) {
      const path = join(folder, `${name}${extension}`)
      if (whatIsAt(path) === 'file') return path
    }
  }
  return undefined
}
