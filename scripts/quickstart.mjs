// From a fresh clone to a running example in one command: npm run quickstart
import { join } from 'node:path'
import { node, root, setUp } from './set-up.mjs'

setUp()
process.exitCode = node([join(root, 'examples', 'download-desk', 'run.mjs'), ...process.argv.slice(2)]).status ?? 1
