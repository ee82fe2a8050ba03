import { type Dirent, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Source files and when each was changed. */
export type Snapshot = ReadonlyMap<string, string>

const SOURCE = /\.([mc]?[jt]sx?|json|ya?ml|env)$|^\.env/

/** A project has fewer; more is a folder that was not meant. */
const MOST_FILES = 5000

/** What lies in a folder now, down to any depth; nothing of `node_modules`, and nothing hidden but `.env`. */
export function takeSnapshot(folder: string): Snapshot {
  const found = new Map<string, string>()
  const folders = [folder]
  for (let at = folders.pop(); at !== undefined && found.size < MOST_FILES; at = folders.pop()) {
    for (const entry of entriesOf(at)) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) folders.push(path)
      } else if (SOURCE.test(entry.name)) {
        const stamp = stampOf(path)
        if (stamp !== undefined) found.set(path, stamp)
      }
    }
  }
  return found
}

/** New, changed and deleted files. */
export function changedFiles(before: Snapshot, after: Snapshot): readonly string[] {
  const changed = [...after].filter(([path, stamp]) => before.get(path) !== stamp).map(([path]) => path)
  const gone = [...before.keys()].filter(path => !after.has(path))
  return [...changed, ...gone].sort()
}

/** A folder that goes away meanwhile is empty. */
function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

function stampOf(path: string): string | undefined {
  try {
    const { mtimeMs, size } = statSync(path)
    return `${mtimeMs}:${size}`
  } catch {
    return undefined
  }
}
