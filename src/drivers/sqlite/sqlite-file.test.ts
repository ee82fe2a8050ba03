import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isStill, prepareFile, setAside } from './sqlite-file.js'

const OPTIONS = { allowNetworkFilesystem: false }

function folder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'lovage-file-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

test('S37 a new file is readable by its owner only', { skip: process.platform === 'win32' }, () => {
  using place = folder()
  const path = join(place.path, 'x.db')
  prepareFile(path, OPTIONS)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('a damaged file is renamed with its companions', () => {
  using place = folder()
  const path = join(place.path, 'x.db')
  const identity = prepareFile(path, OPTIONS)
  writeFileSync(`${path}-wal`, 'wal')
  const aside = setAside(path, identity, 1_700_000_000_000)
  assert.equal(aside, `${path}.damaged-1700000000000`)
  assert.deepEqual([path, aside, `${aside}-wal`].map(existsSync), [false, true, true])
})

test('a file that somebody has replaced meanwhile is not renamed', () => {
  using place = folder()
  const path = join(place.path, 'x.db')
  const identity = prepareFile(path, OPTIONS)
  // Beside the old one, so that it cannot be given the same inode again.
  setAside(path, identity, 1)
  prepareFile(path, OPTIONS)
  assert.equal(isStill(path, identity), false)
  assert.equal(setAside(path, identity, 2), undefined)
  assert.ok(existsSync(path))
})
