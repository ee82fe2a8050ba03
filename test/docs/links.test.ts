import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.js'
import { parseCommandLine } from '../../src/cli/parse.js'
import { fencesOf, readPage } from '../support/docs/samples.js'
import { filesBelow, repositoryRoot } from '../support/repository.js'

const PAGES = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesBelow('docs', '.md')]

test('every link within the repository leads to a file', () => {
  const broken = PAGES.flatMap(page =>
    linksOf(page)
      .filter(link => !existsSync(join(repositoryRoot(), dirname(page), link)))
      .map(link => `${page}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

test('every page of docs/ can be reached from the README', () => {
  const reached = new Set<string>()
  const follow = (page: string): void => {
    if (reached.has(page)) return
    reached.add(page)
    for (const link of linksOf(page).filter(each => each.endsWith('.md'))) follow(join(dirname(page), link))
  }
  follow('README.md')
  assert.deepEqual(
    filesBelow('docs', '.md').filter(page => !reached.has(page)),
    [],
  )
})

test('every lovage command that a page shows exists, with its options', () => {
  for (const page of PAGES) {
    for (const line of commandsOf(page)) {
      const parse = (): unknown => parseCommandLine(shellWords(line), COMMANDS, { version: '0.0.0', env: {} })
      assert.doesNotThrow(parse, `${page}: lovage ${line}`)
    }
  }
})

test('the README names every command', () => {
  const row = /^\| command line \|(.*)\|(.*)\|$/m.exec(readPage('README.md'))?.[1] ?? ''
  assert.deepEqual([...row.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(), COMMANDS.map(each => each.name).sort())
})

function linksOf(page: string): readonly string[] {
  const text = readPage(page).replace(/^```[\s\S]*?^```$/gm, '')
  return [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link = '']) => link).filter(link => !/^\w+:/.test(link))
}

function commandsOf(page: string): readonly string[] {
  const lines = fencesOf(readPage(page)).filter(fence => fence.info[0] === 'sh')
  return lines
    .flatMap(fence => [...fence.code.matchAll(/^npx lovage (.*?)(?:\s+#.*)?$/gm)])
    .map(([, line = '']) => line)
}

/** Words of a line of sh with single quotes at most. */
function shellWords(line: string): readonly string[] {
  return (line.match(/(?:'[^']*'|\S)+/g) ?? []).map(word => word.replaceAll("'", ''))
}
