import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPage } from '../support/docs/samples.js'
import { repositoryRoot } from '../support/repository.js'

const PAGE = readPage('docs/reference/api.md')

const DOORS = [
  ['lovage', 'src/index.ts'],
  ['lovage/worker', 'src/worker.ts'],
  ['lovage/beat', 'src/beat.ts'],
  ['lovage/ports', 'src/ports.ts'],
  ['lovage/telemetry/otel', 'src/otel.ts'],
  ['lovage/telemetry/prometheus', 'src/prometheus.ts'],
  ['lovage/testing', 'src/testing.ts'],
] as const

for (const [door, path] of DOORS) {
  test(`the page has every export of ${door} once, and nothing else`, () => {
    assert.deepEqual(namesOfPage(door), exportsOf(path))
  })
}

test('every entry point of the package is on the page', () => {
  const manifest = JSON.parse(readFileSync(join(repositoryRoot(), 'package.json'), 'utf8'))
  const doors = Object.keys(manifest.exports).filter(key => !key.endsWith('.json'))
  assert.deepEqual(doors.map(key => key.replace(/^\./, 'lovage')).sort(), DOORS.map(([door]) => door).sort())
})

test('every sentence is there', () => {
  for (const [, name, says = ''] of PAGE.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)) assert.match(says, /\w.*\. *$/, name)
})

/** Names in the order of the alphabet; the front doors only re-export. */
function exportsOf(path: string): readonly string[] {
  const source = readFileSync(join(repositoryRoot(), path), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
  const lists = [...source.matchAll(/export (?:type )?\{([^}]*)\}/g)].map(([, list = '']) => list)
  assert.equal(lists.length, source.split(/^export /m).length - 1, `${path} exports in other ways, too`)
  const names = lists.flatMap(list => list.split(',').map(name => name.trim().replace(/^type /, '')))
  return names.filter(name => name !== '').sort()
}

function namesOfPage(door: string): readonly string[] {
  const section = PAGE.split(/^## /m).find(part => part.startsWith(`${door}\n`)) ?? ''
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name).sort()
}
