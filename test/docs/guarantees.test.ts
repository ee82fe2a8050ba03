import assert from 'node:assert/strict'
import { test } from 'node:test'
import { provedIn, rulesOfPage } from '../support/docs/proofs.js'

/** Rules that the brokers with tables, their results and their workers are held to. */
const RULES = [
  ...numbered('D0', '12345678'),
  ...numbered('D1', '02'),
  ...numbered('D2', '012345678'),
  ...numbered('D3', 'abcdefghi'),
  ...numbered('D4', '012345678'),
  ...numbered('D5', '01234'),
  ...numbered('D6', '012345'),
  ...numbered('D8', '01234567'),
]

const rules = rulesOfPage()

test('the page has every rule that brokers with tables are held to, once', () => {
  const ids = rules.map(rule => rule.id)
  assert.deepEqual(
    RULES.filter(id => !ids.includes(id)),
    [],
  )
  assert.equal(new Set(ids).size, ids.length)
})

test('every rule is named by a test', () => {
  const found = provedIn()
  const unproved = rules.filter(rule => !rule.idle && !found.has(rule.id)).map(rule => `${rule.id} ${rule.says}`)
  assert.deepEqual(unproved, [])
})

test('every file the page names as proof has a test of that rule: node scripts/reference.mjs', () => {
  const found = provedIn()
  for (const { id, proofs } of rules) {
    for (const path of proofs) assert.ok(found.get(id)?.includes(path), `${path} has no test named ${id}`)
  }
})

test('every rule that tests name is on the page', () => {
  const ids = new Set(rules.map(rule => rule.id))
  assert.deepEqual(
    [...provedIn().keys()].filter(id => !ids.has(id)),
    [],
  )
})

function numbered(prefix: string, ends: string): readonly string[] {
  return [...ends].map(end => `${prefix}${end}`)
}
