import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPage } from '../support/docs/samples.js'
import { filesBelow, repositoryRoot } from '../support/repository.js'

const PAGE = readPage('docs/internals/dependencies.md')

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

// Its shape is npm's.
const manifest = JSON.parse(readFileSync(join(repositoryRoot(), 'package.json'), 'utf8')) as Manifest

test('what is installed with Lovage is defended on the page, and nothing else', () => {
  const installed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  assert.deepEqual([...defended('Installed with Lovage').keys()].sort(), installed.sort())
})

test('each of these says what else was looked at, what it costs and where it enters', () => {
  for (const [name, text] of defended('Installed with Lovage')) {
    for (const word of ['Looked at:', 'Costs:', 'Enters through']) assert.ok(text.includes(word), `${name}: ${word}`)
  }
})

test('packages of the user that the code asks for are on the page, and in the tests', () => {
  const asked = filesBelow('src', '.ts')
    .filter(path => !path.endsWith('.test.ts'))
    .flatMap(path => [...source(path).matchAll(/optionalPackage(?:<[^>]*>)?\(\s*'([^']+)'/g)])
    .map(([, name = '']) => name)
  // Entry points of their own import theirs: whoever uses those has installed it.
  const peers = Object.keys(manifest.peerDependencies ?? {}).sort()
  assert.deepEqual(
    asked.filter(name => !peers.includes(name)),
    [],
  )
  assert.deepEqual([...defended('Taken if you install them').keys()].sort(), peers)
  for (const name of peers) assert.ok(Object.hasOwn(manifest.devDependencies ?? {}, name), name)
})

test('what development needs is on the page, and nothing else', () => {
  const optional = defended('Taken if you install them')
  const development = Object.keys(manifest.devDependencies ?? {}).filter(name => !optional.has(name))
  assert.deepEqual([...defended('For development').keys()].sort(), development.sort())
})

/** Headings of the third order below a heading of the second, with their text. */
function defended(title: string): ReadonlyMap<string, string> {
  const section = PAGE.split(/^## /m).find(part => part.startsWith(`${title}\n`)) ?? ''
  const parts = section.split(/^### /m).slice(1)
  return new Map(parts.map(part => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))]))
}

function source(path: string): string {
  return readFileSync(join(repositoryRoot(), path), 'utf8')
}
