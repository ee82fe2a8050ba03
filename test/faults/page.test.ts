import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repositoryRoot } from '../support/repository.js'

/* docs/internals/faults.md against the tests. */

const FAULTS = [...numbered(1, 12), ...numbered(20, 37), ...numbered(40, 44), ...numbered(50, 54), ...numbered(60, 69)]

const rows = [...read('docs/internals/faults.md').matchAll(/^\| (F\d\d) \|[^|]*\|([^|]*)\|$/gm)].map(
  ([, id = '', proof = '']) => ({ id, proof: proof.trim() }),
)

test('the page has every fault of the matrix, once, in order', () => {
  assert.deepEqual(
    rows.map(row => row.id),
    FAULTS,
  )
})

test('every fault has tests that are named after it in the files the page names, or a reason why not', () => {
  for (const { id, proof } of rows) {
    if (proof.startsWith('–')) {
      assert.ok(proof.length > 10, `${id} has neither test nor reason`)
      continue
    }
    const files = [...proof.matchAll(/`([^`]+(?:\.test|-cases|conformance\/[\w-]+)\.ts)`/g)].map(
      ([, path = '']) => path,
    )
    assert.ok(files.length > 0, `${id} names no file`)
    for (const file of files) {
      const named = new RegExp(`['"\`](?:[A-Z]\\d[0-9a-f]+ )*${id}\\b`)
      assert.match(read(file), named, `${file} has no test named ${id}`)
    }
  }
})

function read(path: string): string {
  return readFileSync(join(repositoryRoot(), path), 'utf8')
}

function numbered(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `F${String(from + i).padStart(2, '0')}`)
}
