// Writes what is generated in docs/reference: the settings, and which tests prove each rule. node scripts/reference.mjs
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setUp } from './set-up.mjs'

setUp()
const { settingsPage } = await compiled('settings-page.js')
const { pageWithProofs } = await compiled('proofs.js')
write('settings.md', settingsPage())
write('guarantees.md', pageWithProofs())

function compiled(name) {
  return import(pathToFileURL(join(root, 'build', 'test', 'support', 'docs', name)).href)
}

function write(name, text) {
  writeFileSync(join(root, 'docs', 'reference', name), text)
}
