import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from '../set-up.mjs'

const COMPILED = join(root, 'build')

/** Where `npm test` runs the tests: as they were compiled, over a product that lies in a few files. */
export const BUNDLED = join(root, 'build-tests')

/**
 * The product in few files, each of its modules still to be had by its path, and beside it the tests. A test of many parts
 * starts threads and processes by the dozen, and the start of each is mostly loading: this halves it.
 */
export async function bundleTests() {
  rmSync(BUNDLED, { recursive: true, force: true })
  // Its own imports are there only when the packages are.
  const { bundle } = await import('../bundle.mjs')
  const src = join(BUNDLED, 'src')
  mkdirSync(src, { recursive: true })
  await bundle({ src: join(root, 'src'), compiled: join(COMPILED, 'src'), out: src, all: true })
  copy('src', path => /\.(sql|lua)$|\.test\.js(\.map)?$/.test(path))
  copy('test', path => /\.js(\.map)?$/.test(path))
}

function copy(folder, isWanted) {
  const from = join(COMPILED, folder)
  const wanted = readdirSync(from, { recursive: true, encoding: 'utf8' }).filter(isWanted)
  for (const path of wanted) {
    mkdirSync(dirname(join(BUNDLED, folder, path)), { recursive: true })
    cpSync(join(from, path), join(BUNDLED, folder, path))
  }
}
