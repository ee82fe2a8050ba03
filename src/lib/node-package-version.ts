import { readFileSync } from 'node:fs'

/** Version of this copy of lovage, from the package.json above it: `dist/cli/` when installed, `build/src/cli/` in the repository. */
export function packageVersion(): string {
  return VERSION
}

/** Read once: it does not change while this copy runs, and every worker asks. */
const VERSION = readVersion()

function readVersion(): string {
  for (const above of ['../../package.json', '../../../package.json']) {
    const version = versionIn(new URL(above, import.meta.url))
    if (version !== undefined) return version
  }
  return '0.0.0'
}

function versionIn(file: URL): string | undefined {
  try {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: unknown; readonly version?: unknown }
    return manifest.name === 'lovage' && typeof manifest.version === 'string' ? manifest.version : undefined
  } catch {
    return undefined
  }
}
