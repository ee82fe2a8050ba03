import { isWithin } from './import-rules.js'
import { isBound, walkCode } from './scope.js'
import { child, children, isTest, lineOf, type Node, nameOf, type SourceFile } from './source-file.js'
import { REAL_PLACES } from './tables.js'
import type { Violation } from './violation.js'

/** Name → what to use instead. `Date` and `Math` are looked at more closely below. */
const GLOBALS: Readonly<Record<string, string>> = {
  setTimeout: 'clock.timer or clock.sleep of the Runtime',
  setInterval: 'clock.timer of the Runtime',
  setImmediate: 'queueMicrotask, or clock.timer of the Runtime',
  performance: 'clock.steady of the Runtime',
  process: 'host of the Runtime, or a value passed in',
  fetch: 'a port passed in',
  WebSocket: 'a port passed in',
  EventSource: 'a port passed in',
  BroadcastChannel: 'a port passed in',
  MessageChannel: 'a port passed in',
  console: 'log of the Runtime',
  crypto: 'random of the Runtime, or node:crypto',
  navigator: 'host of the Runtime',
  globalThis: 'the name itself',
  global: 'the name itself',
  WeakRef: 'an explicit lifetime: collection differs from run to run',
  FinalizationRegistry: 'an explicit lifetime: collection differs from run to run',
}

const RANDOM_CRYPTO: readonly string[] = [
  'getRandomValues',
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'webcrypto',
]

/** Uses of the real clock, timers, chance and process outside the places that may touch them. */
export function globalViolations(file: SourceFile): Violation[] {
  if (isTest(file.path) || isWithin(file.path, REAL_PLACES)) return []
  const found: Violation[] = []
  const report = (node: Node, what: string, instead: string): void => {
    const message = `uses ${what}; take ${instead}`
    found.push({ rule: 'global', path: file.path, line: lineOf(file, node), what, message })
  }
  walkCode(file.program, (node, parent, scope) => {
    if (node.type === 'ImportDeclaration') return reportRandomImports(node, report)
    const name = nameOf(node)
    if (name === undefined || parent === undefined || !isReference(node, parent) || isBound(name, scope)) return
    const instead = Object.hasOwn(GLOBALS, name) ? GLOBALS[name] : undefined
    if (instead !== undefined) report(node, name, instead)
    else if (name === 'Date') reportDate(parent, node, report)
    else reportMember(name, parent, node, report)
  })
  return found
}

type Report = (node: Node, what: string, instead: string) => void

/** Fine: `new Date(x)`, `Date.UTC`, `Date.parse`, `Date.prototype`, `x instanceof Date`. */
function reportDate(parent: Node, node: Node, report: Report): void {
  if (parent.type === 'NewExpression' && children(parent, 'arguments').length > 0) return
  if (parent.type === 'BinaryExpression' && parent['operator'] === 'instanceof') return
  const member = parent.type === 'MemberExpression' ? nameOf(child(parent, 'property')) : undefined
  if (member !== undefined && ['UTC', 'parse', 'prototype'].includes(member)) return
  report(node, member === undefined ? 'Date' : `Date.${member}`, 'clock.now of the Runtime')
}

function reportMember(name: string, parent: Node, node: Node, report: Report): void {
  const member = parent.type === 'MemberExpression' ? nameOf(child(parent, 'property')) : undefined
  if (name === 'Math' && member === 'random') report(node, 'Math.random', 'random of the Runtime')
  if (name === 'AbortSignal' && member === 'timeout') report(node, 'AbortSignal.timeout', 'clock.timer of the Runtime')
}

function reportRandomImports(node: Node, report: Report): void {
  if ((child(node, 'source')?.['value'] as unknown) !== 'node:crypto') return
  for (const specifier of children(node, 'specifiers')) {
    const name = nameOf(child(specifier, 'imported'))
    if (name !== undefined && RANDOM_CRYPTO.includes(name)) report(specifier, name, 'random of the Runtime')
  }
}

/** An identifier that stands for a value, not for a member, key or label. */
function isReference(node: Node, parent: Node): boolean {
  if (node.type !== 'Identifier') return false
  if (parent.type === 'MemberExpression') return parent['object'] === node || parent['computed'] === true
  const keyed = ['Property', 'PropertyDefinition', 'MethodDefinition', 'AccessorProperty'].includes(parent.type)
  if (keyed && parent['key'] === node) return parent['computed'] === true || parent['shorthand'] === true
  return !['ImportSpecifier', 'ExportSpecifier', 'LabeledStatement', 'BreakStatement', 'MetaProperty'].includes(
    parent.type,
  )
}
