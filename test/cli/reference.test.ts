import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.js'
import { GLOBAL_OPTIONS } from '../../src/cli/global-options.js'
import { longFlag } from '../../src/cli/parse.js'
import { cliReference } from '../../src/cli/reference.js'
import { lovage } from './fake-io.js'

/** From the compiled test up to the repository. */
const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'reference', 'cli.md')

const PATHS = COMMANDS.flatMap(each =>
  each.kind === 'command' ? [[each.name]] : each.commands.map(command => [each.name, command.name]),
)

test('docs/reference/cli.md is what the option tables say (LOVAGE_UPDATE_DOCS=1 writes it)', () => {
  const text = cliReference(COMMANDS)
  if (process.env['LOVAGE_UPDATE_DOCS'] === '1') writeFileSync(PAGE, text)
  assert.equal(readFileSync(PAGE, 'utf8'), text)
})

for (const path of PATHS) {
  test(`lovage ${path.join(' ')} --help says what it does, every option, and gives an example`, async () => {
    const ran = await lovage([...path, '--help'])
    assert.equal(ran.code, 0)
    const group = COMMANDS.find(each => each.name === path[0])
    const command = group?.kind === 'group' ? group.commands.find(each => each.name === path[1]) : group
    assert.ok(command?.kind === 'command' && command.examples.length > 0)
    for (const spec of [...Object.values(command.options), ...Object.values(GLOBAL_OPTIONS)]) {
      assert.ok(ran.stdout.includes(longFlag(spec)), longFlag(spec))
    }
    assert.match(ran.stdout, /Examples:\n {2}lovage /)
  })
}

test('no command has an option of the same name or letter as those of every command', () => {
  const names = (flags: string): readonly string[] => flags.match(/--?[A-Za-z][\w-]*/g) ?? []
  const common = new Set(Object.values(GLOBAL_OPTIONS).flatMap(spec => names(spec.flags)))
  for (const each of COMMANDS.flatMap(each => (each.kind === 'group' ? each.commands : [each]))) {
    const own = Object.values(each.options).flatMap(spec => names(spec.flags))
    assert.deepEqual(
      own.filter(name => common.has(name)),
      [],
      each.name,
    )
    assert.equal(new Set(own).size, own.length, each.name)
  }
})
