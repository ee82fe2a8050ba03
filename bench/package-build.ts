import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BENCH } from './peers/install.js'

let built: string | undefined

/** Folder of the package's code as it is published, made anew once in each run: a start is mostly the loading of it. */
export function packageBuild(): string {
  built ??= build()
  return built
}

/** URL of one of its modules, such as `index.js`. */
export function packageModule(path: string): string {
  return pathToFileURL(join(packageBuild(), path)).href
}

function build(): string {
  const root = join(BENCH, '..')
  const out = join('build', 'bench-package', 'dist')
  const done = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--dist', '--out', out], { cwd: root })
  const folder = join(root, out)
  if (!existsSync(join(folder, 'index.js'))) throw new Error(`the package was not built: ${String(done.stdout)}`)
  return folder
}
