import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { repositoryRoot } from '../repository.js'

/** What npm publishes beside the compiled code. */
const BESIDE = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']

/** Puts into `folder` what is published, compiled anew: nothing that an earlier build left behind can be in it. */
export function buildPackage(folder: string): void {
  const root = repositoryRoot()
  mkdirSync(folder, { recursive: true })
  const out = relative(root, join(folder, 'dist'))
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--dist', '--out', out], {
    encoding: 'utf8',
  })
  // Errors of types are for `npm run check` to tell; code comes out all the same.
  if (!existsSync(join(folder, 'dist', 'index.js'))) throw new Error(`the package was not built: ${built.stdout}`)
  for (const name of BESIDE) cpSync(join(root, name), join(folder, name))
}
