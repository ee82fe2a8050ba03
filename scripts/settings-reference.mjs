// Writes docs/reference/settings.md from the table of settings: node scripts/settings-reference.mjs
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root, setUp } from './set-up.mjs'

setUp()
const page = join(root, 'build', 'test', 'support', 'docs', 'settings-page.js')
const { settingsPage } = await import(pathToFileURL(page).href)
writeFileSync(join(root, 'docs', 'reference', 'settings.md'), settingsPage())
