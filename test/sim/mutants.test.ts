import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { MUTANTS } from './mutants.js'

const SEEDS = 2000

describe(`each of ${MUTANTS.length} deliberate bugs is found within ${SEEDS} seeds`, { concurrency: 2 }, () => {
  for (const { name } of MUTANTS) {
    test(name, async () => {
      const { code, output } = await hunt(name)
      assert.equal(code, 0, output)
    })
  }
})

function hunt(name: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'hunt.js'), name, '--seeds', String(SEEDS)])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', data => {
      output += String(data)
    })
  }
  return new Promise(resolve => child.on('close', code => resolve({ code, output })))
}
