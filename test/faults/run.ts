import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

// npm run faults [-- --node-test-flag…]: the tests of this folder at the sizes of before a release.
const files = readdirSync(import.meta.dirname)
  .filter(name => name.endsWith('.test.js'))
  .map(name => join(import.meta.dirname, name))
const args = ['--test', '--enable-source-maps', '--test-concurrency=2', '--test-reporter=spec']
const { status } = spawnSync(process.execPath, [...args, ...process.argv.slice(2), ...files], {
  stdio: 'inherit',
  env: { ...process.env, LOVAGE_FAULTS: 'long' },
})
process.exitCode = status ?? 1
