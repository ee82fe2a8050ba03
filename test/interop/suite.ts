import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { deferred } from '../../src/lib/deferred.js'
import { CHILDREN, Combination, type CombinationKind, missingFor, TS } from './combination.js'
import { FAILING_CHORDS } from './failing-chords.js'
import { LOVAGE_TO_PYTHON } from './lovage-to-python.js'
import { mixedCanvases } from './mixed-canvas.js'
import { MIXED_DAG } from './mixed-dag.js'
import { MIXED_FLEET } from './mixed-fleet.js'
import { type CheckResult, checkNames, NOT_TWICE, OF_CHILDREN, runChecks } from './python-checks.js'
import { PYTHON_TO_LOVAGE } from './python-to-lovage.js'
import { REMOTE_CONTROL } from './remote-control.js'

/** One thing that must hold between the languages. */
export interface InteropCase {
  readonly name: string
  /** Backends with which it cannot be, each with what it lacks. */
  readonly lacks?: Readonly<Partial<Record<CombinationKind['backend'], string>>>
  run(combination: Combination): Promise<void>
}

/**
 * Registers all that is tested on one pair of broker and result backend: a Python and a Lovage worker are started once,
 * and clients of both languages call them. A second Lovage worker, with child processes, is put through the checks that need
 * them, or through all (`checked`). Where something is missing the whole is skipped under a name that says what.
 */
export async function interop(kind: CombinationKind, checked: 'all' | 'those alone' = 'those alone'): Promise<void> {
  const missing = await missingFor(kind)
  const name = `${kind.broker} with results in ${kind.backend}`
  if (missing !== undefined) {
    test(`Python and Lovage over ${name}`, { skip: missing }, () => undefined)
    return
  }
  describe(`Python and Lovage over ${name}`, { concurrency: 4 }, () => {
    const up = deferred<Combination>()
    const checks = deferred<Run>()
    const inChildren = deferred<Run>()
    up.promise.catch(() => undefined)
    checks.promise.catch(() => undefined)
    inChildren.promise.catch(() => undefined)
    before(async () => {
      try {
        const combination = await Combination.start(kind)
        up.resolve(combination)
        runChecks(combination.environment(TS), { without: OF_CHILDREN }).then(checks.resolve, checks.reject)
        const choice = checked === 'all' ? { without: NOT_TWICE } : { only: OF_CHILDREN }
        runChecks(combination.environment(CHILDREN), choice).then(inChildren.resolve, inChildren.reject)
      } catch (error) {
        for (const part of [up, checks, inChildren]) part.reject(error)
        throw error
      }
    })
    after(async () => {
      await Promise.allSettled([checks.promise, inChildren.promise])
      // What never came up has been closed already.
      await (await up.promise.catch(() => undefined))?.[Symbol.asyncDispose]()
    })
    for (const check of checkNames()) {
      if (!OF_CHILDREN.includes(check))
        registerCheck(`a Python client and a Lovage worker: check ${check}`, check, checks.promise)
      if (checked === 'all' ? NOT_TWICE.includes(check) : !OF_CHILDREN.includes(check)) continue
      registerCheck(`a Python client and a Lovage worker with children: check ${check}`, check, inChildren.promise)
    }
    const cases = [
      ...LOVAGE_TO_PYTHON.map(one => ({ ...one, name: `a Lovage client and a Python worker: ${one.name}` })),
      ...PYTHON_TO_LOVAGE.map(one => ({ ...one, name: `a Python client and a Lovage worker: ${one.name}` })),
      ...remoteControl(kind).map(one => ({ ...one, name: `remote control: ${one.name}` })),
      ...MIXED_FLEET.map(one => ({ ...one, name: `workers of both languages: ${one.name}` })),
      ...MIXED_DAG.map(one => ({ ...one, name: `a graph through both languages: ${one.name}` })),
      ...mixedCanvases().map(one => ({ ...one, name: `a canvas through both languages, sent by either: ${one.name}` })),
      ...FAILING_CHORDS.map(one => ({ ...one, name: `a chord that fails within another: ${one.name}` })),
    ]
    for (const one of cases) {
      const lacking = one.lacks?.[kind.backend]
      const options = lacking === undefined ? {} : { skip: `lacks ${lacking}` }
      test(one.name, options, async () => one.run(await up.promise))
    }
  })
}

/** No backend has a part in it: one pair for each broker, and each with Redis behind it. */
function remoteControl({ backend }: CombinationKind): readonly InteropCase[] {
  return backend === 'redis' ? REMOTE_CONTROL : []
}

/** What checks gave, by their names. */
type Run = ReadonlyMap<string, CheckResult>

function registerCheck(name: string, check: string, checks: Promise<Run>): void {
  test(name, async t => {
    const result = (await checks).get(check)
    if (result === undefined) return assert.fail('the check did not run')
    if (result.result === 'n/a') return t.skip(`lacks ${result.detail}`)
    assert.equal(result.result, 'pass', result.detail)
  })
}
