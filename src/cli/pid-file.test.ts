import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { takePidFile } from './pid-file.js'

const folder = mkdtempSync(join(tmpdir(), 'lovage-pid-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const dead = (): boolean => false
const alive = (): boolean => true

test('the file holds the pid while the process works and is gone afterwards', () => {
  const path = join(folder, 'a.pid')
  const held = takePidFile(path, 41, dead)
  assert.equal(readFileSync(path, 'utf8'), '41\n')
  held[Symbol.dispose]()
  assert.equal(existsSync(path), false)
})

test('D80 a file of a living process turns the second one away with exit status 73', () => {
  const path = join(folder, 'b.pid')
  writeFileSync(path, '42\n')
  assert.throws(() => takePidFile(path, 43, alive), { code: 'LVG_PID_FILE_HELD', exitCode: 73, message: /Process 42/ })
  assert.equal(readFileSync(path, 'utf8'), '42\n')
})

test('CM-04 a file left by a dead process is replaced, and nothing else is left behind', () => {
  const path = join(folder, 'c.pid')
  writeFileSync(path, '42\n')
  takePidFile(path, 43, dead)
  assert.equal(readFileSync(path, 'utf8'), '43\n')
  assert.deepEqual(
    readdirSync(folder).filter(name => name.startsWith('c.pid')),
    ['c.pid'],
  )
})

test('a file with our own pid is stale: pids start over in a new container', () => {
  const path = join(folder, 'd.pid')
  writeFileSync(path, '1\n')
  takePidFile(path, 1, alive)
  assert.equal(readFileSync(path, 'utf8'), '1\n')
})

test('a file without a pid in it is stale', () => {
  const path = join(folder, 'e.pid')
  writeFileSync(path, 'garbage')
  takePidFile(path, 43, alive)
  assert.equal(readFileSync(path, 'utf8'), '43\n')
})

test('a file that somebody else has taken over meanwhile is left to them', () => {
  const path = join(folder, 'f.pid')
  const held = takePidFile(path, 41, dead)
  writeFileSync(path, '99\n')
  held[Symbol.dispose]()
  assert.equal(readFileSync(path, 'utf8'), '99\n')
})

test('a folder that cannot be written to is an error that names the file', () => {
  assert.throws(() => takePidFile(join(folder, 'missing', 'g.pid'), 41, dead), { code: 'LVG_PID_FILE', exitCode: 74 })
})
