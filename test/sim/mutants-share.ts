import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runChild } from './child.js'
import type { Mutant } from './mutants.js'

/** Each in a process of its own, one after another: another file's test has the other core. */
export function testMutants(mutants: readonly Mutant[], seeds = 2000): void {
  describe(`each of ${mutants.length} deliberate bugs is found within ${seeds} seeds`, () => {
    for (const { name } of mutants) {
      test(name, async () => {
        const { code, output } = await runChild('hunt.js', [name, '--seeds', String(seeds)])
        assert.equal(code, 0, output)
      })
    }
  })
}
