import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { filesBelow, repositoryRoot } from '../support/repository.js'

/* docs/internals/cases.md against the tests, both ways. */

const CASES = [...numbered('H', 80), ...numbered('M', 48), ...numbered('L', 21)]
const BOTH_PLACES = 'test/worker/malformed.test.ts'

const rows = [...read('docs/internals/cases.md').matchAll(/^\| ([HML]\d\d) \|[^|]*\|([^|]*)\|$/gm)].map(
  ([, id = '', proof = '']) => ({ id, proof: proof.trim() }),
)

/** Case → files with a test whose name begins with it, alone or among others. */
const found = new Map<string, Set<string>>()
for (const path of [...filesBelow('src', '.ts'), ...filesBelow('test', '.ts')]) {
  if (!path.endsWith('.test.ts') && !path.includes('/conformance/')) continue
  for (const [, names = ''] of read(path).matchAll(/['"`]((?:[A-Z]\d[0-9a-f](?:, ?| |(?=['"`])))+)/g)) {
    for (const id of names.match(/[HML]\d\d/g) ?? []) found.set(id, (found.get(id) ?? new Set()).add(path))
  }
}

test('the page has every case once, in order', () => {
  assert.deepEqual(
    rows.map(row => row.id),
    CASES,
  )
})

test('every case has tests that are named after it in the files the page names, or a reason why not', () => {
  for (const { id, proof } of rows) {
    const files = [...proof.matchAll(/`([^`]+\.ts)`/g)].map(([, path = '']) => path)
    if (proof.startsWith('–')) assert.ok(proof.length > 10, `${id} has neither test nor reason`)
    else assert.ok(files.length > 0, `${id} names no file`)
    for (const file of files) assert.ok(found.get(id)?.has(file), `${file} has no test named ${id}`)
  }
})

test('no case is said to have no test when there is one', () => {
  const denied = rows.filter(({ id, proof }) => proof.startsWith('–') && found.has(id))
  assert.deepEqual(
    denied.map(({ id }) => `${id}: ${[...(found.get(id) ?? [])].join()}`),
    [],
    'docs/internals/cases.md: put these files in the place of the reason',
  )
})

test('every malformed input goes through a worker, on memory and on SQLite', () => {
  const missing = numbered('M', 37).filter(id => !found.get(id)?.has(BOTH_PLACES))
  assert.deepEqual(missing, [])
})

function read(path: string): string {
  return readFileSync(join(repositoryRoot(), path), 'utf8')
}

function numbered(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${letter}${String(i + 1).padStart(2, '0')}`)
}
