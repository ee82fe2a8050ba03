import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { repositoryRoot } from '../repository.js'

/** What npm publishes beside the compiled code. */
const BESIDE = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']

/** The published code, when whoever runs the tests has just compiled it: `npm test` does. */
const BUILT = process.env['LOVAGE_TEST_DIST']

/** What the build keeps for the next one. */
const LEFT = ['.code', '.tsbuildinfo']

/** Puts into `folder` what is published, compiled for this run: nothing that an earlier build left behind can be in it. */
export function buildPackage(folder: string): void {
  const root = repositoryRoot()
  mkdirSync(folder, { recursive: true })
  if (BUILT === undefined) compile(root, join(folder, 'dist'))
  else cpSync(BUILT, join(folder, 'dist'), { recursive: true, filter: path => !LEFT.includes(relative(BUILT, path)) })
  for (const name of BESIDE) cpSync(join(root, name), join(folder, name))
}

function compile(root: string, folder: string): void {
  const out = relative(root, folder)
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--dist', '--out', out], {
    encoding: 'utf8',
  })
  // Errors of types are for `npm run check` to tell; code comes out all the same.
  if (!existsSync(join(folder, 'index.js'))) throw new Error(`the package was not built: ${built.stdout}`)
}
