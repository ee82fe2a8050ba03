import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { applyExceptions, findViolations } from './support/architecture/architecture.js'
import { parseSource, type SourceFile } from './support/architecture/source-file.js'
import { EXCEPTIONS, PACKAGES, type RuleName } from './support/architecture/tables.js'
import { printViolation } from './support/architecture/violation.js'
import { filesBelow, repositoryRoot } from './support/repository.js'

const root = repositoryRoot()
const judgement = applyExceptions(findViolations(readSources()), EXCEPTIONS)

function readSources(): SourceFile[] {
  return filesBelow('src', '.ts').map(path => parseSource(path, readFileSync(join(root, path), 'utf8')))
}

test('the sources keep the rules of the house', () => {
  assert.deepEqual(judgement.violations.map(printViolation), [])
})

test('every exception is still needed', () => {
  assert.deepEqual(judgement.unused, [])
})

test('every package the product depends on has its place', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object | undefined>
  const needed = Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] })
  assert.deepEqual(
    needed.filter(name => !Object.hasOwn(PACKAGES, name)),
    [],
  )
})

/** Breaks one rule each; the marked rule must be reported, and no other. */
const BAD: readonly (readonly [name: string, rule: RuleName, path: string, text: string])[] = [
  ['a room nobody planned', 'unknown-room', 'src/utils/x.ts', ''],
  ['an import that goes up', 'floor', 'src/lib/x.ts', "import { App } from '../app/app.js'"],
  ['a type-only import that goes up', 'floor', 'src/lib/x.ts', "import type { App } from '../app/app.js'"],
  [
    'an import type in a signature that goes up',
    'floor',
    'src/lib/x.ts',
    "export type A = import('../app/app.js').App",
  ],
  ['a dynamic import that goes up', 'floor', 'src/brokers/x.ts', "export const f = () => import('../app/app.js')"],
  [
    'a module URL that goes up',
    'floor',
    'src/pools/x.ts',
    "export const u = () => new URL('../worker/child.js', import.meta.url)",
  ],
  ['an import that goes sideways', 'floor', 'src/brokers/x.ts', "import { p } from '../pools/pool.js'"],
  ['a room that uses a front door below it', 'floor', 'src/worker/x.ts', "import { App } from '../index.js'"],
  ['a front door that opens too high', 'floor', 'src/index.ts', "export { Worker } from './worker/worker.js'"],
  ['an import from outside src', 'floor', 'src/cli/x.ts', "import { x } from '../../test/x.js'"],
  ['a package past its door', 'package', 'src/worker/x.ts', "import { Command } from 'commander'"],
  ['a package nobody planned', 'package', 'src/worker/x.ts', "import { map } from 'lodash/fp'"],
  [
    'a required package past its door',
    'package',
    'src/brokers/x.ts',
    "export const f = (require: (s: string) => unknown) => require('libsql')",
  ],
  ['a type-only import of a package past its door', 'package', 'src/lib/x.ts', "import type { Logger } from 'pino'"],
  ['a file module outside the real places', 'node-module', 'src/worker/x.ts', "import { readFileSync } from 'node:fs'"],
  ['timers as a module', 'node-module', 'src/worker/x.ts', "import { setTimeout } from 'node:timers/promises'"],
  ['SQLite outside the drivers', 'node-module', 'src/cli/x.ts', "import { DatabaseSync } from 'node:sqlite'"],
  ['a variable at the top', 'module-state', 'src/lib/x.ts', 'let count = 0; export const next = () => ++count'],
  ['an exported variable at the top', 'module-state', 'src/lib/x.ts', 'export let count = 0'],
  ['a map at the top', 'module-state', 'src/lib/x.ts', 'const seen = new Map<string, number>()'],
  ['a typed map at the top', 'module-state', 'src/lib/x.ts', 'const seen: Map<string, number> = new Map()'],
  ['an array at the top', 'module-state', 'src/lib/x.ts', 'const names = [1, 2]'],
  ['an object at the top', 'module-state', 'src/lib/x.ts', 'export const state = { count: 0 }'],
  [
    'a typed mutable object at the top',
    'module-state',
    'src/lib/x.ts',
    'const state: { count: number } = { count: 0 }',
  ],
  ['a typed mutable array at the top', 'module-state', 'src/lib/x.ts', 'const names: string[] = []'],
  [
    'an AsyncLocalStorage at the top',
    'module-state',
    'src/lib/x.ts',
    "import { AsyncLocalStorage } from 'node:async_hooks'\nconst storage = new AsyncLocalStorage()",
  ],
  [
    'a closure over state at the top',
    'module-state',
    'src/lib/x.ts',
    'const next = (() => { let n = 0; return () => ++n })()',
  ],
  [
    'a changed table',
    'module-state',
    'src/lib/x.ts',
    'const T: Table = Object.freeze({}); export function f() { T.x.y = 1 }',
  ],
  [
    'a call that changes a table',
    'module-state',
    'src/lib/x.ts',
    'const T = make(); export function f() { T.names.push(1) }',
  ],
  ['a static field', 'module-state', 'src/lib/x.ts', 'export class A { static count = 0 }'],
  ['a static readonly map', 'module-state', 'src/lib/x.ts', 'export class A { static readonly #all = new Map() }'],
  [
    'a regular expression that remembers',
    'module-state',
    'src/lib/x.ts',
    'const R = /a/g; export const f = (s: string) => R.test(s)',
  ],
  ['the wall clock', 'global', 'src/worker/x.ts', 'export const f = () => Date.now()'],
  ['a date of now', 'global', 'src/worker/x.ts', 'export const f = () => new Date()'],
  ['the date as text', 'global', 'src/worker/x.ts', 'export const f = () => Date()'],
  ['the wall clock taken apart', 'global', 'src/worker/x.ts', 'const { now } = Date; export const f = () => now()'],
  ['a timer', 'global', 'src/worker/x.ts', 'export const f = () => setTimeout(() => {}, 1)'],
  ['an interval', 'global', 'src/worker/x.ts', 'export const f = () => setInterval(() => {}, 1)'],
  ['an immediate', 'global', 'src/worker/x.ts', 'export const f = () => setImmediate(() => {})'],
  ['unseeded chance', 'global', 'src/worker/x.ts', 'export const f = () => Math.random()'],
  ['unseeded chance from node:crypto', 'global', 'src/worker/x.ts', "import { randomUUID } from 'node:crypto'"],
  ['the performance clock', 'global', 'src/worker/x.ts', 'export const f = () => performance.now()'],
  ['the process', 'global', 'src/worker/x.ts', "export const f = () => process.env['HOME']"],
  [
    'the process past a parameter of that name elsewhere',
    'global',
    'src/worker/x.ts',
    'export const g = (process: number) => process\nexport const f = () => process.pid',
  ],
  ['the process in a shorthand', 'global', 'src/worker/x.ts', 'export const f = () => ({ process })'],
  ['the network', 'global', 'src/worker/x.ts', "export const f = () => fetch('http://x')"],
  ['the terminal', 'global', 'src/worker/x.ts', "export const f = () => console.log('x')"],
  ['a global by its long name', 'global', 'src/worker/x.ts', 'export const f = () => globalThis.Date.now()'],
  ['a signal on the real clock', 'global', 'src/worker/x.ts', 'export const f = () => AbortSignal.timeout(5)'],
  ['a wire word as a property', 'snake-case', 'src/worker/x.ts', 'export const f = () => ({ task_id: 1 })'],
  ['a wire word as a member', 'snake-case', 'src/worker/x.ts', 'export const f = (m: M) => m.task_id'],
  ['a wire word as a key', 'snake-case', 'src/worker/x.ts', "export const f = (m: M) => m['task_id']"],
  ['a wire word in a type', 'snake-case', 'src/worker/x.ts', 'export interface M { readonly task_id: string }'],
  [
    'a wire word as a variable',
    'snake-case',
    'src/worker/x.ts',
    'export const f = (m: M) => { const task_id = m; return task_id }',
  ],
  ['everything exported', 'export-all', 'src/index.ts', "export * from './app/app.js'"],
  ['a default export', 'default-export', 'src/lib/x.ts', 'export default class A {}'],
  [
    'a default export by name',
    'default-export',
    'src/lib/x.ts',
    'const a = 1; export { a as default }; export const b = 1',
  ],
  ['a barrel in a room', 'barrel', 'src/lib/x.ts', "export { Heap } from './heap.js'"],
  [
    'a barrel in a room that imports first',
    'barrel',
    'src/lib/x.ts',
    "import { Heap } from './heap.js'\nexport { Heap }",
  ],
  ['a file in camelCase', 'file-name', 'src/lib/myFile.ts', ''],
]

for (const [name, rule, path, text] of BAD) {
  test(`${name} is found`, () => {
    const rules = findViolations([parseSource(path, text)]).map(violation => violation.rule)
    assert.deepEqual([...new Set(rules)], [rule])
  })
}

test('files that import each other in a ring are found once, type-only imports included', () => {
  const found = findViolations([
    parseSource('src/lib/a.ts', "import type { B } from './b.js'"),
    parseSource('src/lib/b.ts', "import { c } from './c.js'"),
    parseSource('src/lib/c.ts', "export const f = () => import('./a.js')"),
    parseSource('src/lib/d.ts', "import { c } from './c.js'"),
  ])
  assert.deepEqual(found.map(printViolation), [
    'src/lib/a.ts:1 [cycle] imports itself: src/lib/a.ts → src/lib/b.ts → src/lib/c.ts → src/lib/a.ts',
  ])
})

/** Looks like a breach and is none. */
const GOOD: readonly (readonly [name: string, path: string, text: string])[] = [
  [
    'imports of lower floors and of the own room',
    'src/worker/x.ts',
    "import { A } from '../app/app.js'\nimport { b } from './b.js'",
  ],
  [
    'constant tables',
    'src/lib/x.ts',
    'const A: readonly string[] = []; const B = [1] as const; const C = Object.freeze({ a: 1 }); const D: ReadonlyMap<string, number> = new Map(); const E = { a: 1 } as const satisfies X; const F: { readonly a: number } = { a: 1 }',
  ],
  [
    'dates of a given instant',
    'src/worker/x.ts',
    'export const f = (d: unknown) => d instanceof Date ? d : new Date(Date.UTC(2026, 1))',
  ],
  [
    'members and parameters named like globals',
    'src/worker/x.ts',
    'export const f = (process: P, o: O) => { o.fetch(process.pid); return { fetch: o.setTimeout } }',
  ],
  [
    'types named like globals',
    'src/worker/x.ts',
    'export type A = typeof process; export const f = (d: Date): Date => d',
  ],
  [
    'the real world in its places',
    'src/drivers/x.ts',
    "import { connect } from 'node:net'\nexport const f = () => setTimeout(() => connect(process.pid), Date.now())",
  ],
  ['wire words inside protocol', 'src/protocol/x.ts', 'export const f = (m: M) => m.task_id'],
  [
    'a type passed on beside something of its own',
    'src/lib/x.ts',
    "export type { Ms } from './time.js'\nexport const f = (): number => 1",
  ],
  ['upper-case constants', 'src/worker/x.ts', 'export const MAX_HELD = 5'],
  [
    'state inside functions and instances',
    'src/lib/x.ts',
    'export class A { #m = new Map(); f() { let n = 0; const T = []; T.push(n++); this.#m.set(1, T) } }',
  ],
  [
    'tests that use the real world',
    'src/lib/x.test.ts',
    "import { readFileSync } from 'node:fs'\nimport fc from 'fast-check'\nlet n = Date.now()",
  ],
]

for (const [name, path, text] of GOOD) {
  test(`allowed: ${name}`, () => {
    assert.deepEqual(findViolations([parseSource(path, text)]).map(printViolation), [])
  })
}

test('an exception excuses what it names and nothing else', () => {
  const found = findViolations([parseSource('src/worker/x.ts', 'export const f = () => [Date.now(), Math.random()]')])
  const exception = { rule: 'global', where: 'src/worker/x.ts', what: 'Date.now', reason: 'a test' } as const
  const judged = applyExceptions(found, [exception, { ...exception, where: 'src/worker/y.ts' }])
  assert.deepEqual(
    judged.violations.map(violation => violation.what),
    ['Math.random'],
  )
  assert.deepEqual(
    judged.unused.map(({ where }) => where),
    ['src/worker/y.ts'],
  )
})
