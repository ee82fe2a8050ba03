import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder that holds package.json, wherever the compiled tests lie. */
export function repositoryRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** Paths of all files below `folder` with this ending, relative to the repository, with forward slashes, sorted. */
export function filesBelow(folder: string, ending: string): string[] {
  const entries = readdirSync(join(repositoryRoot(), folder), { recursive: true, encoding: 'utf8' })
  return entries
    .filter(entry => entry.endsWith(ending))
    .map(entry => `${folder}/${entry.replaceAll('\\', '/')}`)
    .sort()
}
