import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPage } from '../support/docs/samples.js'
import { filesBelow, repositoryRoot } from '../support/repository.js'

test('every error code of the source is on the page, with cause and remedy', () => {
  assert.deepEqual(
    codesOfSource().filter(code => !rowsOfPage().has(code)),
    [],
  )
})

test('every error code of the page is in the source', () => {
  const known = new Set(codesOfSource())
  assert.deepEqual(
    [...rowsOfPage().keys()].filter(code => !known.has(code)),
    [],
  )
})

test('no cell of the page is empty', () => {
  for (const [code, cells] of rowsOfPage()) assert.ok(cells.length === 2 && !cells.includes(''), code)
})

test('codes named in guides exist', () => {
  const known = new Set(codesOfSource())
  for (const page of ['README.md', ...filesBelow('docs', '.md')]) {
    const named = readPage(page).match(/LVG_[A-Z0-9_]+/g) ?? []
    assert.deepEqual(
      named.filter(code => !known.has(code)),
      [],
      page,
    )
  }
})

/** Codes in literals, and those that errors of drivers make of the words of a union. */
function codesOfSource(): readonly string[] {
  const codes = filesBelow('src', '.ts')
    .filter(path => !path.endsWith('.test.ts'))
    .flatMap(path => readFileSync(join(repositoryRoot(), path), 'utf8').match(/'LVG_[A-Z0-9_]+'/g) ?? [])
    .map(literal => literal.slice(1, -1))
  return [...new Set([...codes, ...sqliteCodes(), ...redisCodes(), ...postgresCodes()])].sort()
}

function sqliteCodes(): readonly string[] {
  const source = readFileSync(join(repositoryRoot(), 'src', 'drivers', 'errors.ts'), 'utf8')
  const union = /type SqliteCode =([\s|'A-Z]+)/.exec(source)?.[1] ?? ''
  assert.match(source, /`LVG_SQLITE_\$\{sqlite\}`/)
  return [...union.matchAll(/'([A-Z]+)'/g)].map(([, word]) => `LVG_SQLITE_${word}`)
}

function redisCodes(): readonly string[] {
  const source = readFileSync(join(repositoryRoot(), 'src', 'drivers', 'errors.ts'), 'utf8')
  const union = /type RedisCode =([\s|'A-Z_]+)/.exec(source)?.[1] ?? ''
  assert.match(source, /`LVG_REDIS_\$\{redis\}`/)
  return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, word]) => `LVG_REDIS_${word}`)
}

function postgresCodes(): readonly string[] {
  const path = join(repositoryRoot(), 'src', 'drivers', 'postgres', 'postgres-error.ts')
  const source = readFileSync(path, 'utf8')
  const union = /type PostgresTrouble =([\s|'A-Z]+)/.exec(source)?.[1] ?? ''
  assert.match(source, /`LVG_POSTGRES_\$\{trouble\}`/)
  return [...union.matchAll(/'([A-Z]+)'/g)].map(([, word]) => `LVG_POSTGRES_${word}`)
}

function rowsOfPage(): ReadonlyMap<string, readonly string[]> {
  const rows = readPage('docs/reference/errors.md').matchAll(/^\| `(LVG_[A-Z0-9_]+)` \|(.*)\|$/gm)
  return new Map([...rows].map(([, code = '', cells = '']) => [code, cells.split('|').map(cell => cell.trim())]))
}
