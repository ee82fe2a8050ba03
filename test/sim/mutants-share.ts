import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runChild } from './child.js'
import type { Mutant } from './mutants.js'

const SEEDS = 2000

/** Each in a process of its own, one after another: another file's test has the other core. */
export function testMutants(mutants: readonly Mutant[]): void {
  describe(`each of ${mutants.length} deliberate bugs is found within ${SEEDS} seeds`, () => {
    for (const { name } of mutants) {
      test(name, async () => {
        const { code, output } = await runChild('hunt.js', [name, '--seeds', String(SEEDS)])
        assert.equal(code, 0, output)
      })
    }
  })
}
